"""What `AttentionShape` reads from a config is what the model's attention calls have."""

from __future__ import annotations

import pytest
import torch

from sah_core import AttentionInputs, AttentionOutput
from sah_hf import ModelAdapterHF, UnsupportedModelError
from sah_hf.attention.attention_shape import AttentionShape
from sah_hf.survey.building import build_tiny_model, model_types

FAMILIES = [
    "bart",
    "deepseek_v3",
    "deepseek_v32",
    "gemma3",
    "glm4",
    "gpt_bigcode",
    "gpt_oss",
    "kimi_linear",
    "llama4",
    "mellum",
    "mistral",
    "nemotron_h",
    "qwen3_next",
    "zaya",
]
"""Encoder-decoders, latent and selecting attention, hybrids, windows, chunks, and configs of several parts."""


@pytest.mark.parametrize("model_type", FAMILIES)
def test_a_config_tells_what_calls_have(model_type: str) -> None:
    """Heads, widths, which layers attend, and how many keys the last of 32 tokens sees in each of them."""
    if model_type not in model_types():
        pytest.skip("a family of newer transformers")
    model = build_tiny_model(model_type)
    calls: list[AttentionInputs] = []
    adapter = ModelAdapterHF(model, {"maskers": [{"kind": "causal"}]})

    def look(inputs: AttentionInputs, output: AttentionOutput) -> None:
        calls.append(inputs)

    with torch.no_grad(), adapter.enable_sparse_mode() as mode:
        mode.on_call = look
        cache = model(input_ids=torch.arange(3, 34).unsqueeze(0), use_cache=True).past_key_values
        model(
            input_ids=torch.tensor([[40]]), attention_mask=torch.ones(1, 32, dtype=torch.int64), past_key_values=cache
        )
    shape = AttentionShape.of(model.config)
    heads = {(call.queries.shape[1], call.keys.shape[1], call.keys.shape[3], call.values.shape[3]) for call in calls}
    assert heads == {(shape.query_heads, shape.kv_heads, shape.key_width, shape.value_width)}
    expected = {layer: group.keys(32) for group in shape.groups for layer in group.layers}
    if model_type != "deepseek_v32":  # which selects 12 of them
        assert {call.layer_idx: int(call.visible[0, 0, -1].sum()) for call in calls} == expected
    assert sorted(call.layer_idx for call in calls) == sorted(expected)


@pytest.mark.skipif("gemma4" not in model_types(), reason="a family of newer transformers")
def test_a_shape_that_differs_from_layer_to_layer() -> None:
    """Gemma 4's full layers have wider heads than its sliding ones: one shape would be wrong of both."""
    with pytest.raises(UnsupportedModelError, match="'gemma4' model has another shape in some of its layers"):
        AttentionShape.of(build_tiny_model("gemma4").config)
