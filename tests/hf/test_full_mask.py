"""A mask that keeps every visible key must give what the model's own eager attention gives."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pytest
import torch
from transformers import StaticCache

from sah_hf import ModelAdapterHF

from .conftest import build_model

CAUSAL = [{"kind": "causal"}]

Span = tuple[int, int]


@contextmanager
def eager(model: Any) -> Iterator[None]:
    """Within it, the model runs its family's eager attention."""
    found = model.config._attn_implementation
    model.set_attn_implementation("eager")
    try:
        yield
    finally:
        model.set_attn_implementation(found)


@torch.no_grad()
def logits_of(model: Any, ids: torch.Tensor, spans: list[Span], cache: Any = None) -> torch.Tensor:
    """Logits of the ids, fed span by span into one cache."""
    logits = []
    for start, end in spans:
        places = torch.arange(start, end)
        output = model(
            input_ids=ids[:, start:end],
            past_key_values=cache,
            position_ids=places.unsqueeze(0),
            cache_position=places,
        )
        cache = output.past_key_values
        logits.append(output.logits)
    return torch.cat(logits, 1)


@pytest.mark.parametrize("context", [7, 40], ids=["shorter than the window", "longer than the window"])
def test_full_mask_is_eager_attention(model: Any, tokens: Any, context: int, backend: str) -> None:
    """After a dense context, a question of several tokens and two single tokens have eager attention's logits."""
    ids = tokens(context + 12)
    spans = [(0, context), (context, context + 10), (context + 10, context + 11), (context + 11, context + 12)]
    adapter = ModelAdapterHF(model, {"kind": backend, "maskers": CAUSAL})
    with eager(model):
        expected = logits_of(model, ids, spans)
    with eager(model), adapter.enable_sparse_mode() as mode:
        found = logits_of(model, ids, spans)
    assert mode.meter.calls == 3 * len(adapter.layers)
    assert mode.meter.density == 1.0
    torch.testing.assert_close(found, expected, atol=1e-5, rtol=0)


def test_full_mask_in_a_left_padded_batch(model: Any, tokens: Any, backend: str) -> None:
    """Rows of different lengths, padded on the left: the tokens that are not padding have eager attention's logits."""
    ids = tokens(52, batch=2)
    mask = torch.ones_like(ids)
    mask[1, :19] = 0
    ids[1, :19] = 258
    positions = (mask.cumsum(-1) - 1).clamp(min=0)
    adapter = ModelAdapterHF(model, {"kind": backend, "maskers": CAUSAL})

    @torch.no_grad()
    def question_logits() -> torch.Tensor:
        first = model(input_ids=ids[:, :40], attention_mask=mask[:, :40], position_ids=positions[:, :40])
        cache, rest = first.past_key_values, positions[:, 40:]
        output = model(input_ids=ids[:, 40:], attention_mask=mask, position_ids=rest, past_key_values=cache)
        logits: torch.Tensor = output.logits
        return logits

    with eager(model):
        expected = question_logits()
    with eager(model), adapter.enable_sparse_mode() as mode:
        found = question_logits()
    assert mode.meter.calls == len(adapter.layers)
    torch.testing.assert_close(found, expected, atol=1e-5, rtol=0)


@torch.no_grad()
def test_a_mask_of_the_users_own(llama: Any, tokens: Any, backend: str) -> None:
    """A 4-D mask of one query that hides three keys and lowers the logit of a fourth is followed, in every layer."""
    ids = tokens(21)
    mask = torch.zeros(1, 1, 1, 21)
    mask[..., 3:6], mask[..., 7] = torch.finfo(torch.float32).min, -1.5
    adapter = ModelAdapterHF(llama, {"kind": backend, "maskers": CAUSAL})

    def logits(attention_mask: torch.Tensor | None) -> torch.Tensor:
        cache = llama(input_ids=ids[:, :20]).past_key_values
        output = llama(
            input_ids=ids[:, 20:],
            attention_mask=attention_mask,
            position_ids=torch.tensor([[20]]),
            past_key_values=cache,
        )
        found: torch.Tensor = output.logits
        return found

    with eager(llama):
        expected, without = logits(mask), logits(None)
    assert (expected - without).abs().max() > 0.01
    with eager(llama), adapter.enable_sparse_mode() as mode:
        found = logits(mask)
    assert mode.meter.layer(1).density == pytest.approx([1.0] * 4)
    torch.testing.assert_close(found, expected, atol=1e-5, rtol=0)


@pytest.mark.parametrize("family", ["llama", "gemma2", "gpt_oss"])
@pytest.mark.parametrize("context", [3, 40], ids=["window not full", "window full"])
def test_full_mask_on_a_static_cache(family: str, context: int, tokens: Any, backend: str) -> None:
    """A static cache hands over columns that hold nothing yet: they are no keys."""
    model = build_model(family)
    ids = tokens(context + 8)
    spans = [(0, context), (context, context + 7), (context + 7, context + 8)]
    adapter = ModelAdapterHF(model, {"kind": backend, "maskers": CAUSAL})
    with eager(model):
        expected = logits_of(model, ids, spans, StaticCache(config=model.config, max_cache_len=64))
    with eager(model), adapter.enable_sparse_mode() as mode:
        found = logits_of(model, ids, spans, StaticCache(config=model.config, max_cache_len=64))
    assert mode.meter.calls == 2 * len(adapter.layers)
    assert mode.meter.density == 1.0
    torch.testing.assert_close(found, expected, atol=1e-5, rtol=0)


def test_attention_function_alone(llama: Any) -> None:
    """Registered elsewhere or called by hand, the adapter's function attends to what its maskers keep."""
    adapter = ModelAdapterHF(llama, {"maskers": [{"kind": "local", "window": 2}]})
    attend = adapter.get_custom_attention_function()
    torch.manual_seed(1)
    query, key, value = torch.randn(1, 4, 3, 8), torch.randn(1, 2, 5, 8), torch.randn(1, 2, 5, 8)
    output, weights = attend(llama.model.layers[1].self_attn, query, key, value, None, scaling=0.5)
    assert output.shape == (1, 3, 4, 8)
    assert output.is_contiguous()
    assert weights is not None
    assert (weights[0, 0] > 0).int().tolist() == [[0, 1, 1, 0, 0], [0, 0, 1, 1, 0], [0, 0, 0, 1, 1]]
    by_hand = torch.softmax(query[0, 3, 2] @ key[0, 1, 3:].T * 0.5, -1) @ value[0, 1, 3:]
    torch.testing.assert_close(output[0, 2, 3], by_hand)


# transformers 4.57 warns of every implementation but its own, and captures what it is given all the same.
@pytest.mark.filterwarnings("ignore:`output_attentions=True` is not supported:UserWarning")
def test_output_attentions_are_the_weights(llama: Any, tokens: Any) -> None:
    """Asked for attentions, a sparse forward gives the weights that it used: zero at every key it left out."""
    ids = tokens(20)
    adapter = ModelAdapterHF(llama, {"maskers": [{"kind": "sink", "size": 1}, {"kind": "local", "window": 3}]})
    with torch.no_grad(), adapter.enable_sparse_mode():
        cache = llama(input_ids=ids[:, :18]).past_key_values
        attentions = llama(input_ids=ids[:, 18:], past_key_values=cache, output_attentions=True).attentions
    assert len(attentions) == 2
    for weights in attentions:
        assert weights.shape == (1, 4, 2, 20)
        kept = (weights[0] > 0).nonzero()[:, 1:].unique(dim=0).tolist()
        assert kept == [[0, 0], [0, 16], [0, 17], [0, 18], [1, 0], [1, 17], [1, 18], [1, 19]]
        torch.testing.assert_close(weights.sum(-1), torch.ones(1, 4, 2))
