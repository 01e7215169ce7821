"""Pages and their statistics: counted from each batch row's first token, whatever the order in which keys come."""

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch import Tensor

from sah_core import AttentionInputs, PageIndex, Units
from sah_core.maskers.pages import Statistic

PAGE_SIZES = st.integers(1, 5)
PADDINGS = st.tuples(st.integers(0, 9), st.integers(0, 9))
DTYPES = st.sampled_from([torch.float64, torch.float32, torch.bfloat16, torch.float16])
STATISTICS: tuple[Statistic, ...] = ("amin", "amax", "sum")


def normal_keys(n: int, dtype: torch.dtype = torch.float32) -> Tensor:
    return torch.randn(2, 2, n, 3, generator=torch.Generator().manual_seed(n)).to(dtype)


def pages_of(*parts: Tensor, page_size: int, padding: tuple[int, ...] = (0, 0)) -> PageIndex:
    index = PageIndex(page_size, torch.tensor(padding), *STATISTICS)
    index.fit(parts[0])
    for part in parts[1:]:
        index.append(part)
    return index


def pages_by_hand(keys: Tensor, page_size: int, pad: int) -> dict[int, list[Tensor]]:
    """The tokens (hkv, d) of each page of one batch row's keys (hkv, n, d), by the page's number."""
    shift = -pad % page_size
    found: dict[int, list[Tensor]] = {}
    for column in range(pad, keys.shape[1]):
        found.setdefault((column + shift) // page_size, []).append(keys[:, column])
    return found


def is_right(index: PageIndex, keys: Tensor, page_size: int, padding: tuple[int, ...]) -> bool:
    """Whether the index holds what the tokens of each page have, taken one by one."""
    for row, pad in enumerate(padding):
        pages = pages_by_hand(keys[row], page_size, pad)
        for page in range(index.counts.shape[1]):
            tokens = pages.get(page, [])
            if int(index.counts[row, page]) != len(tokens):
                return False
            if not tokens:
                continue
            held = torch.stack(tokens)
            exact = torch.equal(index.of("amin")[row, :, page], held.amin(0))
            exact &= torch.equal(index.of("amax")[row, :, page], held.amax(0))
            if not exact or not torch.allclose(index.of("sum")[row, :, page], held.double().sum(0)):
                return False
    return True


@given(st.lists(st.integers(0, 7), min_size=1, max_size=5), PAGE_SIZES, DTYPES, PADDINGS)
def test_any_number_of_keys_at_a_time(
    steps: list[int], page_size: int, dtype: torch.dtype, padding: tuple[int, int]
) -> None:
    """In whatever pieces the keys come, every page has the statistics of its tokens, in the keys' dtype."""
    keys = normal_keys(sum(steps), dtype)
    index = pages_of(*torch.split(keys, steps, 2), page_size=page_size, padding=padding)
    assert index.length == sum(steps)
    assert is_right(index, keys, page_size, padding)
    at_once = pages_of(keys, page_size=page_size, padding=padding)
    for statistic in ("amin", "amax"):
        assert torch.equal(index.of(statistic), at_once.of(statistic))
        assert index.of(statistic).dtype == dtype
    assert torch.equal(index.counts, at_once.counts)


@given(
    st.integers(1, 20), st.lists(st.integers(0, 20), min_size=1, max_size=3), PAGE_SIZES, PADDINGS, st.integers(0, 5)
)
def test_truncated_keys_were_never_seen(
    n: int, lengths: list[int], page_size: int, padding: tuple[int, int], more: int
) -> None:
    """After going back, once or several times, and appending other keys, every page has what its tokens have now."""
    keys = normal_keys(n)
    index = pages_of(keys, page_size=page_size, padding=padding)
    kept = n
    for length in lengths:
        kept = min(kept, length)
        index.truncate(min(index.length, kept))
        assert index.length <= kept
    changed = torch.cat([keys[:, :, :kept], 5 * normal_keys(more)], 2)
    index.append(changed[:, :, index.length :])
    assert index.length == kept + more
    assert is_right(index, changed, page_size, padding)


@given(st.integers(1, 20), PAGE_SIZES, st.integers(0, 20))
def test_without_padding_whole_pages_stay(n: int, page_size: int, length: int) -> None:
    """Going back costs at most the open page, where all batch rows' pages begin together."""
    index = pages_of(normal_keys(n), page_size=page_size, padding=(page_size, 0))
    index.truncate(length)
    assert index.length == (n if length >= n else length // page_size * page_size)


@given(st.integers(1, 20), PAGE_SIZES, PADDINGS)
def test_padding_enters_no_page(n: int, page_size: int, padding: tuple[int, int]) -> None:
    """Whatever stands in the padding, NaN for one, no page holds it."""
    keys = normal_keys(n)
    garbage = keys.clone()
    garbage[0, :, : padding[0]] = torch.nan
    assert is_right(pages_of(garbage, page_size=page_size, padding=padding), keys, page_size, padding)


def test_by_hand() -> None:
    """Pages of two of the keys 3 1 | 2 5 | 4, and of 3 | 1 2 | 5 4 behind one column of padding."""
    keys = torch.tensor([3.0, 1, 2, 5, 4]).reshape(1, 1, 5, 1)
    index = PageIndex(2, torch.tensor([0]), "amin", "sum")
    index.fit(keys)
    assert (index.of("amin").flatten().tolist(), index.of("sum").flatten().tolist()) == ([1, 2, 4], [4, 7, 4])
    behind = PageIndex(2, torch.tensor([1]), "amax")
    behind.fit(keys)  # the 3 is padding now
    assert behind.of("amax")[0, 0, 1:].flatten().tolist() == [2, 5]
    assert behind.counts.tolist() == [[0, 2, 2]]
    assert behind.nbytes == 3 * 4


@pytest.mark.parametrize("size", [1, 2, 3, 7])
@pytest.mark.parametrize("offset", [0, 4])
def test_units_and_pages_number_alike(size: int, offset: int) -> None:
    """A unit's largest value is its page's maximum, in a batch with padding, and in a window that has left it."""
    keys = normal_keys(11)
    visible = torch.arange(11) + offset >= torch.tensor([5, 0]).reshape(2, 1, 1, 1)
    queries = torch.ones(2, 2, 1, 3)
    inputs = AttentionInputs(queries, keys, keys, visible, key_offset=offset, padding=torch.tensor([5, 0]))
    index = PageIndex(size, inputs.padding_columns, "amax")
    index.fit(keys)
    units = Units.of(inputs, size)
    channel = keys[..., :1].transpose(2, 3)  # (b, hkv, 1, k)
    largest = units.largest_of(channel.masked_fill(~visible, -torch.inf))
    pages = index.of("amax")[..., 0]
    held = (index.counts > 0).unsqueeze(1).expand(pages.shape)
    assert torch.equal(largest[:, :, 0, : pages.shape[2]][held], pages[held])
    assert torch.equal(units.any_of(visible)[:, 0, 0, : pages.shape[2]], index.counts > 0)
    chosen = torch.zeros(2, 1, 1, units.count, dtype=torch.bool).index_fill(-1, torch.tensor([1]), value=True)
    for row, pad in enumerate(inputs.padding_columns.tolist()):
        columns = units.keys_of(chosen)[row, 0, 0].nonzero().flatten().tolist()
        assert columns == [n for n in range(11) if (n + (-pad % size)) // size == 1]
