"""What a worker keeps from cell to cell: contexts as far as memory goes, one model, and what could not be loaded."""

from __future__ import annotations

from collections import OrderedDict
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


@given(st.lists(st.sampled_from([("a", 3), ("b", 4), ("c", 5), ("d", 11)]), max_size=30), st.integers(0, 12))
def test_contexts_that_were_used_last_are_kept(asked: list[tuple[str, int]], memory: int) -> None:
    """The longest run of contexts used last that fits: what is in it is not read, what is not is read."""
    kept = KeptContexts(memory)
    expected: OrderedDict[str, int] = OrderedDict()
    for text, size in asked:
        context, new = kept.get(text, partial(ReadContext, [], None, 0.0, size, Linear(1, 1)))
        assert context.nbytes == size
        assert new == (text not in expected)
        expected[text] = size
        expected.move_to_end(text)
        while sum(expected.values()) > memory:
            expected.popitem(last=False)


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
