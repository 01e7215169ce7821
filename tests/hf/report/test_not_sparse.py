"""What should have been sparse and was not is an error, which loses nothing; what was asked to be dense is none."""

from __future__ import annotations

import copy
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
import torch
from tests.hf.conftest import MakeAdapter, build_model

from sah_core import ConfigError
from sah_hf import ModelAdapterHF, NotSparseError, Request, RequestResponse

NARROW = [{"kind": "sink", "size": 1}, {"kind": "local", "window": 2}]
REQUEST = Request("A mole lives at 7 Elm Row.", ["Who lives there?", "Where?"])
CAUSAL = [{"kind": "causal"}]


def turn_dense(model: Any) -> None:
    """Let layer 1 go its own way: the config that it looks at is no longer one that a mode has switched."""
    model.model.layers[1].self_attn.config = copy.deepcopy(model.config)


@torch.no_grad()
def ask(model: Any, tokens: Any, forwards: int = 1) -> None:
    """Read ten tokens, and then one in each of so many forwards."""
    ids = tokens(10 + forwards)
    cache = model(input_ids=ids[:, :10]).past_key_values
    for place in range(10, 10 + forwards):
        model(input_ids=ids[:, place : place + 1], past_key_values=cache)


@pytest.mark.parametrize("backend", ["research", "efficient"])
def test_a_layer_that_turns_dense_in_a_request(adapt: MakeAdapter, backend: str) -> None:
    """Sparse for the first token, dense from then on: the layer and its forwards are named, the answers are kept."""
    model = build_model("llama")
    adapter = adapt(model, *NARROW, attention={"kind": backend})
    answered: list[str] = []

    def turn(number: int, text: str) -> None:
        if number == 1:
            turn_dense(model)

    with pytest.raises(NotSparseError, match=r"12 forwards .* layer 1 in \d+;") as caught:
        adapter.process_request(REQUEST, on_text=turn, on_answer=lambda number, text, report: answered.append(text))
    response = caught.value.response
    assert isinstance(response, RequestResponse)
    assert response.responses == answered
    report = response.report
    assert (report.sparse_forwards, report.dense_forwards) == (12, 0)
    assert report.layers[0].sparse_calls == 12 > report.layers[1].sparse_calls >= 6
    assert caught.value.exit_code == 1


def test_a_layer_that_turns_dense_in_a_mode(tokens: Any) -> None:
    """The mode ends with the error, unless something else is being raised: that is told."""
    model = build_model("llama")
    adapter = ModelAdapterHF(model, {"maskers": NARROW})

    def run(error: type[Exception] | None) -> None:
        with adapter.enable_sparse_mode():
            ask(model, tokens)
            turn_dense(model)
            ask(model, tokens, 2)
            if error is not None:
                raise error

    with pytest.raises(NotSparseError, match=r"3 forwards .* layer 1 in 1;"):
        run(None)
    with pytest.raises(KeyError):
        run(KeyError)


def test_a_context_read_densely_that_should_be_sparse(adapt: MakeAdapter) -> None:
    """Where the protocol wants the context sparse, a layer that stays dense in it is named before any question."""
    model = build_model("llama")
    adapter = adapt(model, *NARROW, protocol={"sparse_from": "context"})
    asked: list[int] = []
    # From the second layer's forward on, when the mode is open already.
    model.model.layers[0].register_forward_pre_hook(lambda *_: turn_dense(model))
    with pytest.raises(NotSparseError, match=r"1 forwards .* layer 1 in 0;"):
        adapter.process_request(REQUEST, on_text=lambda number, text: asked.append(number))
    assert asked == []


def test_a_model_that_ran_in_another_thread_only(llama: Any, tokens: Any) -> None:
    """A mode belongs to the thread that opened it; the model ran in another, densely, and that is said."""
    adapter = ModelAdapterHF(llama, {"maskers": NARROW})
    with (
        ThreadPoolExecutor(1) as other,
        pytest.raises(NotSparseError, match="ran 2 times while it was open, but in another thread"),
        adapter.enable_sparse_mode(),
    ):
        other.submit(ask, llama, tokens).result()
    with ThreadPoolExecutor(1) as other, adapter.enable_sparse_mode() as mode:
        other.submit(ask, llama, tokens).result()
        ask(llama, tokens)
    assert mode.sparse_forwards == 1


def test_a_mode_in_which_nothing_ran(llama: Any, tokens: Any) -> None:
    """Nothing to do is no error; nor is a dense mode inside in which everything ran."""
    adapter = ModelAdapterHF(llama, {"maskers": NARROW})
    with adapter.enable_sparse_mode() as mode:
        pass
    assert (mode.forwards, mode.sparse_forwards) == (0, 0)
    with adapter.enable_sparse_mode() as mode, adapter.enable_dense_mode() as dense:
        ask(llama, tokens)
    assert (mode.forwards, dense.forwards) == (0, 2)


def test_a_mode_that_never_came_to_its_start(llama: Any, tokens: Any) -> None:
    """Told a column that no forward reaches, a mode names it; tokens kept dense on purpose are no error."""
    adapter = ModelAdapterHF(llama, {"maskers": NARROW})
    with (
        pytest.raises(NotSparseError, match="of 2 forwards, none came to column 99"),
        adapter.enable_sparse_mode(sparse_from=99),
    ):
        ask(llama, tokens)
    held = ModelAdapterHF(llama, {"maskers": NARROW}, protocol={"first_tokens_dense": 5})
    with held.enable_sparse_mode() as mode:
        ask(llama, tokens)
    assert (mode.forwards, mode.sparse_forwards, mode.held_dense) == (2, 0, True)


def test_a_forward_that_failed_does_not_count(llama: Any, tokens: Any) -> None:
    """A forward that was broken off in its first layer was not dense in the second: what follows it is judged alone."""
    adapter = ModelAdapterHF(llama, {"maskers": NARROW})

    def fail(*_: Any) -> None:
        raise InterruptedError

    with adapter.enable_sparse_mode() as mode:
        ask(llama, tokens)
        hook = llama.model.layers[1].register_forward_pre_hook(fail)
        try:
            with pytest.raises(InterruptedError):
                ask(llama, tokens)
        finally:
            hook.remove()
        ask(llama, tokens)
    assert (mode.sparse_forwards, mode.sparse_layers) == (2, {0: 2, 1: 2})


def test_a_part_of_the_model_counts_as_the_model(llama: Any, tokens: Any) -> None:
    """Called without its head, the model runs and is sparse: each call is one forward."""
    adapter = ModelAdapterHF(llama, {"maskers": NARROW})
    with adapter.enable_sparse_mode() as mode:
        ask(llama.model, tokens)
        ask(llama, tokens)
    assert (mode.forwards, mode.sparse_forwards, mode.sparse_layers) == (4, 2, {0: 2, 1: 2})


@pytest.mark.parametrize(
    ("family", "attention", "said"),
    [
        (
            "qwen3_next",
            {"overrides": [{"layers": "0-2", "maskers": CAUSAL}]},
            r"overrides\[0\].layers: none of them",
        ),
        ("llama", {"overrides": [{"layers": "0-1", "maskers": CAUSAL}]}, "attention.maskers: overrides leave no layer"),
        (
            "llama",
            {"overrides": [{"layers": 1, "maskers": CAUSAL}], "dense_layers": [0]},
            "attention.maskers: overrides leave no layer",
        ),
    ],
)
def test_maskers_that_no_layer_would_ask(family: str, attention: dict[str, Any], said: str) -> None:
    """A list of maskers for layers that cannot be sparse, or for none, is an error when the adapter is made."""
    with pytest.raises(ConfigError, match=said):
        ModelAdapterHF(build_model(family), {"maskers": NARROW, **attention})


def test_layers_that_are_dense_anyway() -> None:
    """Naming a linear-attention layer among dense ones, or in a range of an override, asks for nothing impossible."""
    model = build_model("qwen3_next", num_hidden_layers=8)
    overrides = [{"layers": "4-7", "maskers": CAUSAL}]
    adapter = ModelAdapterHF(model, {"maskers": NARROW, "dense_layers": [0], "overrides": overrides})
    assert adapter.layers == (3, 7)
