"""A compiled model: what a mode wants of it holds in its graphs, and what it was outside of one comes back after it."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import pytest
import torch
from tests.hf.conftest import build_model
from torch import Tensor

from sah_hf import ModelAdapterHF

# torch says so of itself on Python 3.13.0, where nothing else is different.
pytestmark = pytest.mark.filterwarnings("ignore:Guards may run slower on Python:RuntimeWarning")

NARROW = {"maskers": [{"kind": "local", "window": 1}]}


class Graphs:
    """A backend that runs graphs as they are, and counts those it was given."""

    def __init__(self) -> None:
        self.made = 0

    def __call__(self, graph: Any, inputs: Any) -> Any:
        self.made += 1
        return graph.forward


@pytest.fixture
def graphs() -> Iterator[Graphs]:
    """Nothing was compiled before the test, and nothing is left behind."""
    torch.compiler.reset()
    yield Graphs()
    torch.compiler.reset()


def forward_alone(model: Any, graphs: Graphs) -> Any:
    model.forward = torch.compile(model.forward, backend=graphs)
    return model


def layers_alone(model: Any, graphs: Graphs) -> Any:
    for layer in model.model.layers:
        layer.compile(backend=graphs)
    return model


WAYS: list[Callable[[Any, Graphs], Any]] = [forward_alone, layers_alone]


@pytest.fixture
def question(tokens: Any) -> Callable[..., Tensor]:
    """Logits of a question of three tokens on a context of 20, which the plain model read."""
    ids = tokens(23)
    plain = build_model("llama", num_hidden_layers=1)

    @torch.no_grad()
    def ask(model: Any) -> Tensor:
        cache = plain(input_ids=ids[:, :20]).past_key_values
        logits: Tensor = model(input_ids=ids[:, 20:], past_key_values=cache).logits
        return logits

    return ask


@pytest.mark.parametrize("compiled_as", WAYS)
def test_a_compiled_model_in_a_mode(compiled_as: Any, graphs: Graphs, question: Callable[..., Tensor]) -> None:
    """Compiled outside a mode it is sparse inside, and dense after it with the graphs that it had before.

    A graph of the one is never used for the other: the sparse calls are counted, and no graph is made twice.
    """
    model = build_model("llama", num_hidden_layers=1)
    adapter = ModelAdapterHF(model, NARROW)
    dense = question(model)
    with adapter.enable_sparse_mode():
        sparse = question(model)
    assert (sparse - dense).abs().max() > 0.1
    compiled = compiled_as(model, graphs)
    for again in (False, True):
        torch.testing.assert_close(question(compiled), dense, atol=1e-5, rtol=0)
        assert graphs.made > 0
        before = graphs.made
        with adapter.enable_sparse_mode() as mode:
            torch.testing.assert_close(question(compiled), sparse, atol=1e-5, rtol=0)
            assert mode.meter.calls == 1
            with adapter.enable_dense_mode():
                torch.testing.assert_close(question(compiled), dense, atol=1e-5, rtol=0)
            assert mode.meter.calls == 1
        torch.testing.assert_close(question(compiled), dense, atol=1e-5, rtol=0)
        assert not again or graphs.made == before


def test_compiled_inside_a_mode(graphs: Graphs, question: Callable[..., Tensor]) -> None:
    """What torch.compile returns can be given to an adapter; first called inside a sparse mode, it is dense outside."""
    model = build_model("llama", num_hidden_layers=1)
    compiled: Any = torch.compile(model, backend=graphs)
    adapter = ModelAdapterHF(compiled, NARROW)
    graphs.made = 0
    with adapter.enable_sparse_mode() as mode:
        sparse = question(compiled)
        assert graphs.made > 0
        assert torch.equal(question(model), sparse), "its modes hold for the model inside as well"
    assert mode.meter.calls == 2
    dense = question(compiled)
    torch.testing.assert_close(dense, question(model), atol=1e-5, rtol=0)
    assert (sparse - dense).abs().max() > 0.1
