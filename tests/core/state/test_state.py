"""Indexes and the state that holds them: fit on the context, append, truncate, held against plain lists."""

import pytest
import torch
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule
from torch import Tensor

from sah_core import AttentionState, KeyIndex, StateError

PAGE = 3


class Pages(KeyIndex):
    """A frozen mean of the fitted keys, and the sum of the keys of each page; goes back by whole pages only."""

    mean: Tensor
    sums: Tensor
    last: Tensor

    def fit(self, keys: Tensor) -> None:
        self.mean = keys.mean(2)
        self.length, self.sums, self.last = 0, keys[:, :, :0], keys[:, :, :0]
        self.append(keys)

    def append(self, keys: Tensor) -> None:
        open_page = torch.cat([self.last, keys], 2)
        whole = open_page.shape[2] // PAGE * PAGE
        pages = open_page[:, :, :whole].reshape(*keys.shape[:2], -1, PAGE, keys.shape[3]).sum(3)
        self.sums, self.last = torch.cat([self.sums, pages], 2), open_page[:, :, whole:]
        self.length += keys.shape[2]

    def truncate(self, length: int) -> None:
        if length == self.length:
            return
        pages = length // PAGE
        self.sums, self.last, self.length = self.sums[:, :, :pages], self.last[:, :, :0], pages * PAGE


class StateMachine(RuleBasedStateMachine):
    """A request whose keys grow, are cropped, and are read again; the index always covers exactly the keys."""

    @initialize(context=st.integers(1, 10), known=st.booleans(), batch=st.integers(1, 2))
    def start(self, context: int, known: bool, batch: int) -> None:
        self.batch, self.context, self.numbers = batch, context, [float(n * n % 17) for n in range(context)]
        self.state = AttentionState(context if known else None)
        self.fitted: int | None = context if known else None
        self.next = 0.0
        self.new = 0

    def keys(self) -> Tensor:
        return torch.tensor(self.numbers).reshape(1, 1, -1, 1).expand(self.batch, 2, -1, 1)

    def read(self) -> Pages:
        index = self.state.index("pages", Pages, self.keys(), new=self.new)
        assert isinstance(index, Pages)
        return index

    @rule(new=st.integers(1, 5))
    def ask(self, new: int) -> None:
        """New keys arrive, and whatever was at their place before is gone."""
        self.next += 100
        self.numbers += [self.next + n for n in range(new)]
        self.new = new

    @precondition(lambda self: self.new)
    @rule()
    def change_the_last_keys(self) -> None:
        """The same call again with other keys, as after a rejected draft."""
        self.next += 100
        self.numbers[-self.new :] = [self.next + n for n in range(self.new)]

    @rule(data=st.data())
    def crop(self, data: st.DataObject) -> None:
        """Back to the context or somewhere after it, with the state told."""
        length = data.draw(st.integers(self.context, len(self.numbers)))
        del self.numbers[length:]
        self.state.truncate(length)
        self.new = 0

    @invariant()
    def covers_the_keys(self) -> None:
        if not hasattr(self, "state"):
            return
        if self.fitted is None:
            self.fitted = self.context
        index = self.read()
        expected = Pages()
        expected.fit(self.keys()[:, :, : self.fitted])
        expected.append(self.keys()[:, :, self.fitted :])
        assert index.length == len(self.numbers)
        for name in ("mean", "sums", "last"):
            assert torch.equal(getattr(index, name), getattr(expected, name)), name
        assert self.state.nbytes == expected.nbytes


TestStateMachine = StateMachine.TestCase


def keys(n: int, heads: int = 2) -> Tensor:
    return torch.arange(n).float().reshape(1, 1, n, 1).expand(1, heads, n, 1)


def test_the_context_is_fitted_and_the_question_is_not() -> None:
    """Whatever the question, the frozen mean is the context's: (0 + 1 + 2 + 3) / 4."""
    state = AttentionState(context_length=4)
    index = state.index("a", Pages, keys(6), new=2)
    assert isinstance(index, Pages)
    assert index.mean.flatten().tolist() == [1.5, 1.5]
    assert index.length == 6


def test_keys_behind_the_context_are_forgotten_with_it() -> None:
    """Truncating below the fitted length drops the index, and the next call fits afresh."""
    state = AttentionState()
    state.index("a", Pages, keys(6), new=1)
    state.truncate(4)
    assert state.nbytes == 0
    index = state.index("a", Pages, keys(5), new=1)
    assert isinstance(index, Pages)
    assert index.mean.flatten().tolist() == [2.0, 2.0]


def test_a_cache_cropped_behind_the_context_is_indexed_afresh() -> None:
    """Fewer keys than were fitted, without a word to the state: what was learned from the lost ones is not used."""
    state = AttentionState()
    state.index("a", Pages, keys(6), new=1)
    index = state.index("a", Pages, keys(5), new=1)
    assert isinstance(index, Pages)
    assert (index.length, index.mean.flatten().tolist()) == (5, [2.0, 2.0])


def test_a_window_that_moved_is_indexed_afresh() -> None:
    """Another key offset means other keys at the same columns: the index is rebuilt from what is there."""
    state = AttentionState(context_length=4)
    state.index("a", Pages, keys(5), new=1)
    moved = state.index("a", Pages, keys(5) + 1, new=1, key_offset=1)
    assert isinstance(moved, Pages)
    assert moved.mean.flatten().tolist() == [3.0, 3.0]
    state.truncate(4)
    assert state.nbytes == 0


def test_names_are_kept_apart_and_maskers_without_an_index_have_none() -> None:
    """Each masker and layer has its own index; a masker that makes none gets none."""
    state = AttentionState()
    one = state.index(("kind", 0), Pages, keys(3), new=1)
    two = state.index(("kind", 1), Pages, keys(3), new=1)
    assert one is not two
    assert state.index(("none", 0), lambda: None, keys(3), new=1) is None
    assert repr(state) == "AttentionState(context_length=None, indexes=2)"


def test_mistakes_are_named() -> None:
    """A state of another batch, a context of no keys, a negative length."""
    state = AttentionState()
    state.index("a", Pages, keys(3), new=1)
    with pytest.raises(StateError, match="batch 1 and 2 KV heads, and was given keys with 1 and 3"):
        state.index("a", Pages, keys(3, heads=3), new=1)
    with pytest.raises(StateError, match="context_length should be a positive number"):
        AttentionState(0)
    with pytest.raises(StateError, match="0 or more keys, not -1"):
        state.truncate(-1)
