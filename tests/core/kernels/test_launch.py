"""How a launch is cut: every key once, blocks that Triton takes, programs for every multiprocessor."""

from hypothesis import given
from hypothesis import strategies as st

from sah_core.kernels.launch import Launch, next_power

WIDTHS = st.integers(1, 256)


@given(
    st.integers(1, 500), st.integers(1, 300), st.integers(1, 200_000), WIDTHS, WIDTHS, st.sampled_from([2, 4]),
    st.integers(1, 200),
)  # fmt: skip
def test_every_entry_is_in_one_part(
    sets: int, members: int, entries: int, width: int, value_width: int, itemsize: int, processors: int
) -> None:
    """Parts cover the entries without an empty one; blocks are powers of two, hold a width, and fit shared memory."""
    launch = Launch.of(sets, members, entries, width, value_width, itemsize, processors)
    assert (launch.splits - 1) * launch.split_width < entries <= launch.splits * launch.split_width
    assert launch.split_width % launch.block_keys == 0
    blocks = (launch.block_members, launch.block_keys, launch.block_width, launch.block_value_width)
    assert all(block & (block - 1) == 0 and block >= 16 for block in blocks)
    assert launch.block_width >= width
    assert launch.block_value_width >= value_width
    assert 2 * itemsize * launch.block_keys * (launch.block_width + launch.block_value_width) <= 2**16


def test_decoding_on_an_h100() -> None:
    """8 sets of 655 keys, 2 % of 32K, are 168 programs of one block of 32; of 2622 keys, 168 of two blocks of 64."""
    launch = Launch.of(8, 4, 655, 128, 128, 2, processors=132)
    assert (launch.block_members, launch.block_keys, launch.split_width, launch.splits) == (16, 32, 32, 21)
    launch = Launch.of(8, 4, 2622, 128, 128, 2, processors=132)
    assert (launch.block_members, launch.block_keys, launch.split_width, launch.splits) == (16, 64, 128, 21)


def test_many_sets_are_not_split() -> None:
    """With a set for each of 64 query heads and 8 batch rows there are programs enough."""
    assert Launch.of(512, 1, 2622, 128, 128, 2, processors=132).splits == 1


def test_the_next_power_of_two() -> None:
    """Of 1, 16, 17 and 96, at least 1 or 16."""
    assert [next_power(1, 1), next_power(1, 16), next_power(16, 16), next_power(17, 16), next_power(96, 16)] == [
        1, 16, 16, 32, 128,
    ]  # fmt: skip
