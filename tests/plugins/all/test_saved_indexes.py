"""Of every installed masker: an index that moves from one state to another goes on as if nothing had happened."""

from __future__ import annotations

from copy import deepcopy
from functools import cache

import pytest
import torch
from attrs import evolve
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor

from sah_core import (
    AttentionInputs,
    AttentionState,
    KeyIndex,
    Mask,
    Masker,
    StateError,
    create_masker,
    default_registry,
)
from sah_core.index_content import SavedIndex
from sah_core.testing.kinds import configs_of

HQ, HKV, D, LONGEST = 4, 2, 8, 200  # as of the calibrations of `configs_of`; longer than MagicPIG's unsorted tail
INDEXED = ("double_sparsity", "hashattention", "magicpig", "pqcache", "quest")


@cache
def maskers(kind: str) -> tuple[Masker, ...]:
    """One masker for each config that the kind is checked with."""
    return tuple(create_masker(config) for config in configs_of(kind))


@cache
def stream(name: int, heads: int) -> Tensor:
    """Random vectors (2, heads, LONGEST, D), the same every time."""
    return torch.randn((2, heads, LONGEST, D), generator=torch.Generator().manual_seed(name))


def asked(masker: Masker, state: AttentionState, context: int, question: int, new: int, padding: Tensor) -> Mask:
    """The mask of a question's tokens: the context's keys are the same in all questions, the rest are its own."""
    length = context + new
    keys, values, queries = (
        torch.cat([stream(name, heads)[:, :, :context], stream(name + 10 * question, heads)[:, :, context:length]], 2)
        for name, heads in ((1, HKV), (2, HKV), (3, HQ))
    )
    columns = torch.arange(length)
    seen = (columns <= columns[context:].unsqueeze(-1)) & (columns >= padding.reshape(-1, 1, 1, 1))
    inputs = AttentionInputs(
        queries[:, :, context:], keys, values, seen, state=state, padding=padding, query_positions=columns[context:]
    )
    return masker.add_mask(inputs, Mask.empty(inputs.shape))


def copied(state: AttentionState) -> dict[object, SavedIndex]:
    """Its indexes as they come back from a file: with tensors of their own."""
    return {name: evolve(saved, content=deepcopy(dict(saved.content))) for name, saved in state.contents().items()}


@pytest.mark.parametrize("kind", INDEXED)
@settings(deadline=None, max_examples=8)
@given(
    context=st.integers(1, 160),
    questions=st.lists(st.integers(1, 40), min_size=2, max_size=4),
    padding=st.sampled_from([(0, 0), (0, 5)]),
    cropped=st.booleans(),
)
def test_restored_is_fitted(
    kind: str, context: int, questions: list[int], padding: tuple[int, int], cropped: bool
) -> None:
    """Questions of any lengths, one after the other, get the masks of an index that never left its state."""
    columns = torch.tensor(padding).clamp(max=context - 1)
    for masker in maskers(kind):
        kept = AttentionState(context)
        asked(masker, kept, context, 1, questions[0], columns)
        if cropped:  # else the question's own keys are saved with the context's
            kept.truncate(context)
        restored = AttentionState(context)
        restored.expect(copied(kept))
        kept.truncate(context)
        for number, new in enumerate(questions, 2):
            expected = asked(masker, kept, context, number, new, columns)
            assert asked(masker, restored, context, number, new, columns) == expected
            assert asked(masker, AttentionState(context), context, number, new, columns) == expected
            assert restored.nbytes == kept.nbytes
            kept.truncate(context)
            restored.truncate(context)


def test_every_index_can_be_saved() -> None:
    """No installed masker keeps an index that would have to be fitted again."""
    found = []
    for kind in default_registry().kinds:
        for masker in maskers(kind):
            state = AttentionState(20)
            asked(masker, state, 20, 1, 3, torch.zeros(2, dtype=torch.int64))
            assert bool(state.nbytes) == bool(state.contents())
            found += [kind] if state.nbytes else []
    assert sorted(set(found)) == sorted(INDEXED)


@pytest.mark.parametrize("kind", INDEXED)
def test_a_restored_index_is_not_fitted(kind: str) -> None:
    """What is expected is used: with a masker's content emptied, its first call says that something is missing."""
    masker = maskers(kind)[-1]
    kept, restored = AttentionState(20), AttentionState(20)
    columns = torch.zeros(2, dtype=torch.int64)
    asked(masker, kept, 20, 1, 3, columns)
    restored.expect({name: evolve(saved, content={}) for name, saved in copied(kept).items()})
    with pytest.raises(StateError, match="the saved index has no length: it was saved by another version of its mask"):
        asked(masker, restored, 20, 1, 3, columns)


@pytest.mark.parametrize("kind", INDEXED)
def test_an_index_of_another_context_is_not_used(kind: str) -> None:
    """One that was fitted on fewer keys is left aside, and a new one is fitted."""
    masker = maskers(kind)[-1]
    columns = torch.zeros(2, dtype=torch.int64)
    shorter, restored = AttentionState(12), AttentionState(20)
    asked(masker, shorter, 12, 1, 3, columns)
    restored.expect(copied(shorter))
    expected = asked(masker, AttentionState(20), 20, 1, 3, columns)
    assert asked(masker, restored, 20, 1, 3, columns) == expected


def test_an_index_saves_only_what_it_names() -> None:
    """An index that names nothing has no content: it is fitted anew."""

    class Silent(KeyIndex):
        def fit(self, keys: Tensor) -> None:
            self.length = keys.shape[2]

        def append(self, keys: Tensor) -> None:
            self.length += keys.shape[2]

        def truncate(self, length: int) -> None:
            self.length = length

    state = AttentionState()
    state.index("silent", Silent, torch.ones(1, 1, 3, 2), new=1)
    assert Silent().content() is None
    assert state.contents() == {}
