"""A growing tensor, held against plain concatenation."""

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from sah_core import GrowingTensor

STEPS = st.lists(st.tuples(st.sampled_from(["append", "truncate"]), st.integers(0, 9)), min_size=1, max_size=12)


@given(STEPS)
def test_it_holds_what_concatenation_would(steps: list[tuple[str, int]]) -> None:
    """After any appends and truncations the entries are those of a list, and no caller's tensor is aliased."""
    random = torch.Generator().manual_seed(0)
    growing, plain = GrowingTensor(), torch.empty(1, 2, 0, 3)
    for step, number in steps:
        if step == "append":
            new = torch.randn(1, 2, number, 3, generator=random)
            plain = torch.cat([plain, new], 2)
            growing.append(new)
            new.zero_()
        else:
            plain = plain[:, :, :number]
            growing.truncate(number)
        assert len(growing) == plain.shape[2]
        assert growing.nbytes == plain.nbytes
        assert len(growing) == 0 or torch.equal(growing.entries, plain)


def test_ten_thousand_appends_move_little() -> None:
    """Memory is taken in growing pieces: one-by-one appends take it a few dozen times, not ten thousand."""
    growing, places = GrowingTensor(), set()
    for _ in range(10_000):
        growing.append(torch.ones(1, 1, 1, 1))
        places.add(growing.entries.data_ptr())
    assert len(growing) == growing.entries.sum() == 10_000
    assert len(places) < 40


def test_before_the_first_append_there_is_nothing_to_read() -> None:
    """Dtype and shape are not known yet, so asking for entries is an error; a length and a size there are."""
    growing = GrowingTensor()
    growing.truncate(5)
    assert (len(growing), growing.nbytes) == (0, 0)
    with pytest.raises(IndexError, match="before the first append"):
        _ = growing.entries
