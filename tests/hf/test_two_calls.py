"""A layer that attends more than once in a forward has a state for each of its calls."""

from __future__ import annotations

from collections import Counter
from typing import Any

import pytest
import torch
from transformers.models.llama.modeling_llama import LlamaAttention

from sah_core import AttentionInputs, AttentionOutput
from sah_hf import ModelAdapterHF

from .conftest import build_model


class Shifted:
    """A cache's slots from the third on, for keys beside those of the model's two layers."""

    def __init__(self, cache: Any) -> None:
        self.cache = cache

    def update(self, keys: Any, values: Any, layer: int, *rest: Any, **keywords: Any) -> Any:
        return self.cache.update(keys, values, layer + 2, *rest, **keywords)


class TwiceAttention(LlamaAttention):
    """Attends again to keys of its own, made from what it attended to first, as looped models do."""

    def forward(self, hidden_states: Any, *args: Any, past_key_values: Any = None, **keywords: Any) -> Any:
        attend: Any = super().forward
        first, _ = attend(hidden_states, *args, past_key_values=past_key_values, **keywords)
        again = None if past_key_values is None else Shifted(past_key_values)
        return attend(first, *args, past_key_values=again, **keywords)


@pytest.fixture
def looped() -> Any:
    model = build_model("llama")
    for number, layer in enumerate(model.model.layers):
        weights = layer.self_attn.state_dict()
        layer.self_attn = TwiceAttention(model.config, number).eval()
        layer.self_attn.load_state_dict(weights)
    model.config.num_hidden_layers = 4  # as many slots in its cache
    return model


@torch.no_grad()
def logits(model: Any, ids: torch.Tensor) -> torch.Tensor:
    """Of a question of four tokens and two single ones after a context of 40."""
    found, cache = [], None
    for start, end in ((0, 40), (40, 44), (44, 45), (45, 46)):
        output = model(input_ids=ids[:, start:end], past_key_values=cache)
        cache = output.past_key_values
        found.append(output.logits)
    return torch.cat(found, 1)


def test_every_key_kept_is_eager_attention(looped: Any, tokens: Any, backend: str) -> None:
    """Both calls of each layer are sparse, and with every key they are what eager attention is."""
    ids = tokens(46)
    adapter = ModelAdapterHF(looped, {"kind": backend, "maskers": [{"kind": "causal"}]})
    looped.set_attn_implementation("eager")
    expected = logits(looped, ids)
    with adapter.enable_sparse_mode() as mode:
        found = logits(looped, ids)
    assert [mode.meter.layer(layer).sparse_calls for layer in adapter.layers] == [6, 6]
    torch.testing.assert_close(found, expected, atol=1e-5 * float(expected.abs().max()), rtol=0)


def test_each_call_has_its_state(looped: Any, tokens: Any) -> None:
    """The first calls of the layers keep their indexes in one state through all forwards, the second in another."""
    states: dict[tuple[int, int], list[Any]] = {}
    adapter = ModelAdapterHF(looped, {"maskers": [{"kind": "causal"}]})
    with adapter.enable_sparse_mode() as mode:
        counted: Counter[int] = Counter()

        def look(inputs: AttentionInputs, output: AttentionOutput) -> None:
            states.setdefault((inputs.layer_idx, counted[inputs.layer_idx] % 2), []).append(inputs.state)
            counted[inputs.layer_idx] += 1

        mode.on_call = look
        logits(looped, tokens(46))
    assert sorted(states) == [(0, 0), (0, 1), (1, 0), (1, 1)]
    first, second = states[0, 0][0], states[0, 1][0]
    assert first is not second
    assert all(state is (first, second)[call] for (_, call), found in states.items() for state in found)
    assert all(len(found) == 3 for found in states.values())
