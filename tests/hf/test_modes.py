"""Modes are the context's own, the switch is the model's: what one thread wants never reaches another, or stays."""

from __future__ import annotations

import copy
import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
import torch
from transformers import LlamaForCausalLM

from sah_core import UsageError
from sah_hf import ModelAdapterHF, Request
from sah_hf.attention.switch import IMPLEMENTATION, attention_switched, original_implementation
from sah_hf.modes.mode import current_forward

from .conftest import MakeAdapter, build_model

NARROW = {"maskers": [{"kind": "local", "window": 1}]}
CONTEXT = "A mole lives at 7 Elm Row. " * 3


def state_of(model: Any) -> dict[str, Any]:
    """Everything about a model that a mode could leave changed: configs, hooks, attributes, weights by identity."""
    return {
        "config": copy.deepcopy(vars(model.config)),
        "generation": model.generation_config.to_dict(),
        "hooks": [
            (name, len(module._forward_pre_hooks), len(module._forward_hooks)) for name, module in model.named_modules()
        ],
        "attributes": {name: sorted(vars(module)) for name, module in model.named_modules()},
        "implementations": {
            name: module.config._attn_implementation
            for name, module in model.named_modules()
            if hasattr(module, "config")
        },
        "weights": {name: (id(weight), weight._version) for name, weight in model.named_parameters()},
        "training": model.training,
    }


@pytest.fixture
def last_logits(tokens: Any) -> Callable[[Any], torch.Tensor]:
    """Logits of the last of 30 tokens, read after the 29 before it: sparse inside a sparse mode."""
    ids = tokens(30)

    @torch.no_grad()
    def run(model: Any) -> torch.Tensor:
        cache = model(input_ids=ids[:, :29]).past_key_values
        logits: torch.Tensor = model(input_ids=ids[:, 29:], past_key_values=cache).logits
        return logits

    return run


def test_a_model_is_left_as_it_was_found(model: Any, adapt: MakeAdapter) -> None:
    """After attaching, requests, modes, errors and an interrupt inside them, nothing about the model has changed."""
    before = state_of(model)
    adapter = adapt(model, *NARROW["maskers"])
    assert state_of(model) == before
    adapter.process_request(Request(CONTEXT, ["Who?", "Where?"]))
    assert state_of(model) == before
    for error in (RuntimeError, KeyboardInterrupt):
        with pytest.raises(error):
            fail_in_modes(adapter, error)
        assert state_of(model) == before
        with pytest.raises(error):
            adapter.process_request(Request(CONTEXT, "Who?"), on_text=raiser(error))
        assert state_of(model) == before


def fail_in_modes(adapter: ModelAdapterHF, error: type[BaseException]) -> None:
    with adapter.enable_sparse_mode(), adapter.enable_sparse_mode(), adapter.enable_dense_mode():
        assert adapter.model.config._attn_implementation == IMPLEMENTATION
        raise error


def raiser(error: type[BaseException]) -> Callable[[int, str], None]:
    def fail(number: int, text: str) -> None:
        raise error

    return fail


def test_modes_nest(llama: Any, last_logits: Any) -> None:
    """The innermost mode decides, and the one around it is back when it ends; a mode can be entered again."""
    adapter = ModelAdapterHF(llama, NARROW)
    dense = last_logits(llama)
    with adapter.enable_sparse_mode():
        sparse = last_logits(llama)
        assert not torch.equal(sparse, dense)
        with adapter.enable_dense_mode():
            assert torch.equal(last_logits(llama), dense)
            with adapter.enable_sparse_mode():
                assert torch.equal(last_logits(llama), sparse)
            assert torch.equal(last_logits(llama), dense)
        assert torch.equal(last_logits(llama), sparse)
    assert current_forward() is None, "nothing of a mode, such as its indexes, outlives it"
    assert torch.equal(last_logits(llama), dense)
    with adapter.enable_sparse_mode():
        assert torch.equal(last_logits(llama), sparse)


def test_another_thread_is_dense(model: Any, last_logits: Any) -> None:
    """While one thread is in a sparse mode, another gets exactly the dense answer, in the middle of it and after it."""
    adapter = ModelAdapterHF(model, NARROW)
    dense = last_logits(model)
    with ThreadPoolExecutor(1) as other:
        with adapter.enable_sparse_mode():
            sparse = last_logits(model)
            assert not torch.equal(sparse, dense)
            assert torch.equal(other.submit(last_logits, model).result(), dense)
            assert torch.equal(last_logits(model), sparse)
        assert torch.equal(other.submit(last_logits, model).result(), dense)


def test_threads_at_once(llama: Any, adapt: MakeAdapter, backend: str) -> None:
    """Four threads asking, two sparsely and two densely, get what each would get alone."""
    adapters = [adapt(llama, *NARROW["maskers"], attention={"kind": backend}), adapt(llama)]
    questions = ["Who lives there?", "Where is that?"]
    expected = [[adapter.process_request(Request(CONTEXT, q)).responses for q in questions] for adapter in adapters]
    assert expected[0] != expected[1]
    barrier = threading.Barrier(4)

    def ask(number: int) -> list[Any]:
        barrier.wait()
        adapter = adapters[number % 2]
        return [adapter.process_request(Request(CONTEXT, q)).responses for _ in range(3) for q in questions]

    with ThreadPoolExecutor(4) as threads:
        found = list(threads.map(ask, range(4)))
    assert found == [expected[number % 2] * 3 for number in range(4)]
    assert llama.config._attn_implementation == "sdpa"


def test_one_end_does_not_turn_another_dense(llama: Any, last_logits: Any) -> None:
    """A sparse mode that closes in one thread leaves the sparse mode of another as it is."""
    adapter = ModelAdapterHF(llama, NARROW)
    closed = threading.Event()

    def open_and_close() -> None:
        with adapter.enable_sparse_mode():
            last_logits(llama)
        closed.set()

    with adapter.enable_sparse_mode():
        sparse = last_logits(llama)
        threading.Thread(target=open_and_close).start()
        assert closed.wait(60)
        assert torch.equal(last_logits(llama), sparse)
    assert not torch.equal(last_logits(llama), sparse)


def test_two_adapters_on_one_model(llama: Any, last_logits: Any) -> None:
    """Each has its own attention; inside one another, the inner one counts, and both give the model back."""
    narrow = ModelAdapterHF(llama, NARROW)
    wide = ModelAdapterHF(llama, {"maskers": [{"kind": "causal"}]})
    dense = last_logits(llama)
    with narrow.enable_sparse_mode() as outer:
        sparse = last_logits(llama)
        with wide.enable_sparse_mode() as inner:
            torch.testing.assert_close(last_logits(llama), dense, atol=1e-5, rtol=0)
        assert torch.equal(last_logits(llama), sparse)
    assert (outer.meter.calls, inner.meter.calls) == (4, 2)
    assert torch.equal(last_logits(llama), dense)


def test_models_that_share_a_config(tokens: Any, last_logits: Any) -> None:
    """Two models built from one config object share the switch; a mode is still for one of them only."""
    first = build_model("llama")
    torch.manual_seed(1)
    second: Any = LlamaForCausalLM(first.config)
    second.eval()
    assert second.config is first.config
    adapters = [ModelAdapterHF(model, NARROW) for model in (first, second)]
    dense = [last_logits(first), last_logits(second)]
    with adapters[0].enable_sparse_mode() as mode:
        assert not torch.equal(last_logits(first), dense[0])
        torch.testing.assert_close(last_logits(second), dense[1], atol=1e-5, rtol=0)
        assert mode.meter.calls == 2
        with adapters[1].enable_sparse_mode():
            assert not torch.equal(last_logits(second), dense[1])
        assert first.config._attn_implementation == IMPLEMENTATION
        assert not torch.equal(last_logits(first), dense[0])
    assert first.config._attn_implementation == "sdpa"
    assert [torch.equal(last_logits(model), logits) for model, logits in zip((first, second), dense, strict=True)] == [
        True,
        True,
    ]


def test_the_switch_counts() -> None:
    """Held twice it is set once and put back at the second end; what it was can be asked meanwhile."""
    model = build_model("llama", attn_implementation="eager")
    with attention_switched(model):
        with attention_switched(model):
            assert model.config._attn_implementation == IMPLEMENTATION
        assert model.config._attn_implementation == IMPLEMENTATION
        assert original_implementation(model.config) == "eager"
        assert original_implementation(copy.deepcopy(model.config)) == "eager"
    assert model.config._attn_implementation == "eager"


def test_dense_layers_run_the_models_own_attention(model: Any, last_logits: Any) -> None:
    """A dense layer is bit for bit the model's own on a sparse forward's mask, and makes no sparse call."""
    layers = ModelAdapterHF(model, NARROW).layers
    if len(layers) == 1:
        with pytest.raises(Exception, match=r"leaves no layer sparse: the model's attention layers are \[3\]"):
            ModelAdapterHF(model, {**NARROW, "dense_layers": layers})
        return
    adapter = ModelAdapterHF(model, {"maskers": [{"kind": "causal"}], "dense_layers": layers[:1]})
    with adapter.enable_sparse_mode() as mode:
        mixed = last_logits(model)
    torch.testing.assert_close(mixed, last_logits(model), atol=1e-5, rtol=0)
    assert [mode.meter.layer(layer).mode for layer in layers] == ["dense", "sparse"]
    assert [mode.meter.layer(layer).sparse_calls for layer in layers] == [0, 1]


def test_a_dense_adapter_has_no_sparse_mode(llama: Any) -> None:
    """Without an attention config there is nothing to switch to, and the adapter says so."""
    adapter = ModelAdapterHF(llama)
    with pytest.raises(UsageError, match="no attention config"), adapter.enable_sparse_mode():
        pass
    with pytest.raises(UsageError, match="no attention config"):
        adapter.get_custom_attention_function()
