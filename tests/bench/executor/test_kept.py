"""What a worker keeps from cell to cell: contexts as far as memory goes, one model, and what could not be loaded."""

from __future__ import annotations

from functools import partial
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from torch.nn import Linear

from sah_bench.executor.contexts import KeptContexts
from sah_bench.executor.models import KeptModel
from sah_core import ModelConfig
from sah_hf.contexts.read_context import ReadContext
from sah_hf.errors import UnknownModelError
from sah_model_needle.checkpoint import directory

from .plans import needle_copy

SIZES = {"a": 3, "b": 4, "c": 5, "d": 11}


def reading(size: int) -> partial[ReadContext]:
    return partial(ReadContext, [], None, 0.0, size, Linear(1, 1))


@given(st.lists(st.tuples(st.sampled_from("abcd"), st.sampled_from("xy")), max_size=30), st.integers(0, 12))
def test_contexts_are_kept_within_the_memory(asked: list[tuple[str, str]], memory: int) -> None:
    """What is not read again was read before and still fits; what was asked last is not read, if it fits at all."""
    kept = KeptContexts(memory)
    held: set[str] = set()
    for text, table in asked:
        context, new = kept.get(text, table, reading(SIZES[text]))
        assert context.nbytes == SIZES[text]
        assert not kept.get(text, table, reading(SIZES[text]))[1] or SIZES[text] > memory
        if new:
            held.add(text)
        assert text in held
    found = [text for text in SIZES if not kept.get(text, "z", reading(0))[1]]
    assert sum(SIZES[text] for text in found) <= memory


@given(contexts=st.integers(1, 12), room=st.integers(1, 12), cells=st.integers(1, 4))
def test_cells_share_what_fits(contexts: int, room: int, cells: int) -> None:
    """All that a table has is read once where it fits; else each later cell reads what does not, and not one more.

    No policy reads less: of two cells in a row, the second finds at most as many contexts as are kept.
    """
    kept = KeptContexts(memory=room * 10)
    for table in ("one", "another"):
        for cell in range(cells):
            read = [kept.get((table, number), table, reading(10))[1] for number in range(contexts)]
            assert sum(read) == contexts if cell == 0 else sum(read) <= max(0, contexts - room) + (room < contexts)
            assert cell == 0 or sum(read) >= contexts - room


@given(before=st.integers(0, 6), room=st.integers(1, 6))
def test_another_tables_contexts_go_first(before: int, room: int) -> None:
    """However many there are of an earlier table, the first cell of the next one keeps all that fits of its own."""
    kept = KeptContexts(memory=room * 10)
    for number in range(before):
        kept.get(("before", number), "before", reading(10))
    for number in range(room):
        assert kept.get(number, "now", reading(10))[1]
    assert not any(kept.get(number, "now", reading(10))[1] for number in range(room))


def test_a_context_that_is_too_large_costs_no_other() -> None:
    """It is not kept, and nothing is let go for it."""
    kept = KeptContexts(10)
    kept.get("a", "x", reading(3))
    assert kept.get("d", "x", reading(11))[1]
    assert kept.get("d", "x", reading(11))[1]
    assert not kept.get("a", "x", reading(3))[1]


def test_a_model_is_loaded_once(tmp_path: Path) -> None:
    """The same object for the same config, another one for another, and then anew."""
    models = KeptModel("cpu", 0)
    needle, copy = ModelConfig(name="needle"), ModelConfig(name=str(needle_copy(tmp_path / "copy")))
    first = models.get(needle)
    assert models.get(needle) is first
    assert models.get(copy) is not first
    assert models.get(needle) is not first
    assert (first.device, first.positions) == ("cpu", 16384)


def test_what_could_not_be_loaded_is_not_tried_again(tmp_path: Path) -> None:
    """Its cells fail for the same reason, even if there were a model by then; other models are not touched."""
    models = KeptModel("cpu", 0)
    missing = ModelConfig(name=str(tmp_path / "missing"))
    with pytest.raises(UnknownModelError) as first:
        models.get(missing)
    needle_copy(tmp_path / "missing")
    with pytest.raises(UnknownModelError) as second:
        models.get(missing)
    assert second.value is first.value
    assert models.get(ModelConfig(name=str(directory()))).device == "cpu"
