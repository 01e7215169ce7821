"""Shrinking keeps what makes a family's attention its own."""

from __future__ import annotations

from typing import Any

import pytest
import torch
from transformers import CONFIG_MAPPING

from sah_hf.survey.building import build_tiny_model, model_types
from sah_hf.survey.shrinking import HEAD_WIDTH, VOCABULARY, WINDOW, shrunk

CONFIGS: Any = CONFIG_MAPPING  # which transformers leaves untyped


def shrunk_type(model_type: str) -> Any:
    return shrunk(CONFIGS[model_type]())


@pytest.mark.parametrize(
    ("model_type", "heads", "kv_heads"),
    [("mistral", 8, 2), ("gpt_oss", 16, 2), ("glm4", 32, 2), ("llama", 4, 2), ("gpt_bigcode", 12, 1)],
)
def test_ratio_of_heads(model_type: str, heads: int, kv_heads: int) -> None:
    """The default's ratio, 32:8, 64:8, 32:2, 12:1, is kept; Llama's default of 32:32 becomes 4:2."""
    config = shrunk_type(model_type)
    assert config.num_attention_heads == heads
    assert config.num_key_value_heads == kv_heads
    assert config.hidden_size == heads * HEAD_WIDTH
    assert config.vocab_size == VOCABULARY


@pytest.mark.parametrize(
    ("model_type", "kinds"),
    [
        ("gemma2", ["sliding_attention", "full_attention"]),
        ("qwen3_next", ["linear_attention", "full_attention"]),
        ("llama4_text", ["chunked_attention", "full_attention"]),
    ],
)
def test_every_kind_of_layer_is_kept(model_type: str, kinds: list[str]) -> None:
    """A default of dozens of layers keeps one of each kind, in its order, and windows get shorter than the trial."""
    config = shrunk_type(model_type)
    assert config.layer_types == kinds
    assert config.num_hidden_layers == 2
    seen = {name: getattr(config, name, None) for name in ("sliding_window", "attention_chunk_size")}
    assert (WINDOW in seen.values()) == ("linear_attention" not in kinds)


def test_encoder_parts_and_dictionaries() -> None:
    """A config of several parts is shrunk in all of them."""
    config = shrunk_type("gemma3")
    assert config.text_config.num_hidden_layers == 2
    assert config.vision_config.num_hidden_layers == 2
    assert config.vision_config.hidden_size == 4 * HEAD_WIDTH


def test_models_are_the_same_every_time_and_whole() -> None:
    """Two builds have equal weights, none left as memory was (GPT-OSS leaves its sinks so), and no seed is moved."""
    before = torch.random.get_rng_state()
    first, second = (build_tiny_model("gpt_oss").state_dict() for _ in range(2))
    assert torch.equal(before, torch.random.get_rng_state())
    assert all(torch.equal(first[name], second[name]) for name in first)
    sinks = [value for name, value in first.items() if name.endswith("sinks")]
    assert sinks
    assert all(bool(((value > 0.5) & (value < 1.5)).all()) for value in sinks)


def test_all_types_are_known() -> None:
    """The survey is of transformers' own list, in order."""
    assert {"llama", "gpt2", "mamba", "qwen3_moe"} <= set(model_types())
    assert list(model_types()) == sorted(model_types())
