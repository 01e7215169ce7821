"""Backward through sparse attention: gradients are those of the same attention computed densely with the same mask."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import AbstractContextManager, nullcontext
from typing import Any

import pytest
import torch
from tests.hf.conftest import build_model
from torch import Tensor

from sah_core import UsageError
from sah_hf import ModelAdapterHF

CONTEXT, QUESTION = 8, 6
Gradients = dict[str, Tensor]


def gradients(
    model: Any, mode: Callable[[], AbstractContextManager[object]] = nullcontext, mask: Tensor | None = None
) -> Gradients:
    """Of the embeddings of a context and a question, and of every parameter; the question may be given a 4-D mask."""
    embed = model.get_input_embeddings()
    ids = torch.randint(0, 256, (1, CONTEXT + QUESTION), generator=torch.Generator().manual_seed(0))
    embedded = embed(ids).detach().requires_grad_()
    model.zero_grad(set_to_none=True)
    places = torch.arange(CONTEXT, CONTEXT + QUESTION)
    with mode():
        cache = model(inputs_embeds=embedded[:, :CONTEXT]).past_key_values
        output = model(
            inputs_embeds=embedded[:, CONTEXT:],
            past_key_values=cache,
            attention_mask=mask,
            position_ids=places[None],
            cache_position=places,
        )
    output.logits.square().mean().backward()
    found = {name: weight.grad.clone() for name, weight in model.named_parameters() if weight.grad is not None}
    model.zero_grad(set_to_none=True)
    return {**found, "inputs_embeds": embedded.grad}


def check(found: Gradients, expected: Gradients, tolerance: float) -> None:
    assert found.keys() == expected.keys()
    assert expected["inputs_embeds"][:, :CONTEXT].abs().max() > 0, "it reaches the context through its keys and values"
    for name, gradient in expected.items():
        assert (found[name] - gradient).abs().max() <= tolerance * gradient.abs().max(), name


@pytest.mark.parametrize("family", ["llama", "gemma2", "gpt_oss", "deepseek_v3"])
def test_at_full_mask_they_are_eager_attentions(family: str, backend: str) -> None:
    """With respect to inputs and parameters: grouped heads, softcap and windows, sinks, latent keys and values."""
    model = build_model(family, attn_implementation="eager")
    adapter = ModelAdapterHF(model, {"kind": backend, "maskers": [{"kind": "causal"}]})
    expected = gradients(model)
    check(gradients(model, adapter.enable_sparse_mode), expected, 2e-5)
    assert family != "gpt_oss" or "model.layers.1.self_attn.sinks" in expected


def test_of_a_sparse_mask(backend: str) -> None:
    """Sink 1 + local 3: float32 gradients are those of float64 eager attention that is handed the mask they keep."""
    model = build_model("llama", attn_implementation="eager")
    adapter = ModelAdapterHF(
        model, {"kind": backend, "maskers": [{"kind": "sink", "size": 1}, {"kind": "local", "window": 3}]}
    )
    found = gradients(model, adapter.enable_sparse_mode)
    queries, keys = torch.arange(CONTEXT, CONTEXT + QUESTION)[:, None], torch.arange(CONTEXT + QUESTION)
    kept = (keys <= queries) & ((keys < 1) | (keys > queries - 3))
    mask = torch.zeros(1, 1, QUESTION, CONTEXT + QUESTION, dtype=torch.float64)
    mask = mask.masked_fill(~kept, torch.finfo(torch.float64).min)
    twin = build_model("llama", attn_implementation="eager").double()
    expected = {name: each.float() for name, each in gradients(twin, mask=mask).items()}
    check(found, expected, 2e-5)
    dense = gradients(model)
    assert (dense["inputs_embeds"] - found["inputs_embeds"]).abs().max() > 0.1 * dense["inputs_embeds"].abs().max()


@pytest.mark.parametrize("masker", [{"kind": "quest", "page_size": 2, "budget": 4}, {"kind": "random", "rate": 0.5}])
def test_of_both_backends(masker: dict[str, Any], llama: Any) -> None:
    """They read other keys and compute in another order; of one method's mask, drawn or ranked, they agree."""
    maskers = [{"kind": "sink", "size": 1}, {"kind": "local", "window": 2}, masker]
    adapters = (ModelAdapterHF(llama, {"kind": kind, "maskers": maskers}) for kind in ("research", "efficient"))
    research, efficient = (gradients(llama, adapter.enable_sparse_mode) for adapter in adapters)
    check(efficient, research, 2e-5)


def test_dropout_in_training(backend: str, tokens: Any) -> None:
    """At full mask the weights that are dropped are eager attention's, drawn from the same seed."""
    model = build_model("llama", attn_implementation="eager", attention_dropout=0.4).train()
    adapter = ModelAdapterHF(model, {"kind": backend, "maskers": [{"kind": "causal"}]})

    def logits(seed: int) -> Tensor:
        with torch.no_grad():
            cache = model.eval()(input_ids=tokens(CONTEXT)).past_key_values
            torch.manual_seed(seed)
            found: Tensor = model.train()(input_ids=tokens(QUESTION, seed=1), past_key_values=cache).logits
        return found

    expected, other = logits(1), logits(2)
    assert (expected - other).abs().max() > 0.1
    with adapter.enable_sparse_mode():
        torch.testing.assert_close(logits(1), expected, atol=1e-5, rtol=0)


@pytest.mark.filterwarnings("ignore:`gradient_checkpointing_enable` is deprecated:FutureWarning")  # from 5.2x on
def test_gradient_checkpointing_is_refused(backend: str) -> None:
    """Layers computed again after the mode would be dense, and gradients wrong; dense forwards may have it."""
    model = build_model("llama", attn_implementation="eager").train()
    adapter = ModelAdapterHF(model, {"kind": backend, "maskers": [{"kind": "local", "window": 2}]})
    ids = torch.tensor([[1, 2, 3]])
    model.gradient_checkpointing_enable({"use_reentrant": False})
    with (
        pytest.raises(UsageError, match="gradient checkpointing computes layers again"),
        adapter.enable_sparse_mode(sparse_from=0),
    ):
        model(input_ids=ids, use_cache=False)
    with adapter.enable_dense_mode():
        model(input_ids=ids, use_cache=False).logits.sum().backward()
    assert model.lm_head.weight.grad is not None
