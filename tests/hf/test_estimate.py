"""Estimates, by hand: heads and widths from a config alone, keys per layer, bytes of keys and of indexes."""

from __future__ import annotations

from typing import Any

import pytest
from transformers import MambaConfig, PretrainedConfig

from sah_core import AttentionConfig
from sah_hf import Request, UnsupportedModelError
from sah_hf.attention.attention_shape import AttentionShape, LayerGroup
from sah_hf.cli.estimate import estimate

from .conftest import WINDOW, build_model


def config_of(family: str, **changes: Any) -> PretrainedConfig:
    config: PretrainedConfig = build_model(family, **changes).config
    return config


def attention(*maskers: dict[str, Any], dense_layers: tuple[int, ...] = ()) -> AttentionConfig:
    return AttentionConfig.model_validate({"maskers": maskers, "dense_layers": dense_layers})


@pytest.mark.parametrize(
    ("family", "heads", "widths", "groups"),
    [
        ("llama", (4, 2), (8, 8), [((0, 1), None)]),
        ("gemma2", (4, 2), (16, 16), [((1,), None), ((0,), WINDOW)]),
        ("qwen3_next", (4, 2), (16, 16), [((3,), None)]),
        ("deepseek_v3", (4, 4), (24, 12), [((0, 1), None)]),
    ],
)
def test_shapes(family: str, heads: Any, widths: Any, groups: Any) -> None:
    """Query and KV heads, widths of keys and values, and which layers attend to what."""
    shape = AttentionShape.of(config_of(family))
    assert (shape.query_heads, shape.kv_heads) == heads
    assert (shape.key_width, shape.value_width) == widths
    assert shape.groups == tuple(LayerGroup(layers, window) for layers, window in groups)


def test_a_config_without_attention() -> None:
    """A model that has no attention heads has nothing to estimate."""
    with pytest.raises(UnsupportedModelError, match="'mamba' model does not tell its attention heads"):
        AttentionShape.of(MambaConfig())


def test_counts_by_hand() -> None:
    """Sink 4 and local 12 of 1000 keys, and of a window of 16; an oracle's tenth is of what each layer sees."""
    maskers = [{"kind": "sink", "size": 4}, {"kind": "local", "window": 12}, {"kind": "oracle_top_k", "budget": 0.1}]
    result = estimate(attention(*maskers), config_of("gemma2"), 1000, "tiny")
    full, sliding = result.layers
    assert (full.keys, full.positional, full.attended) == (1000, 16, 16 + 100)
    # The sliding layer's window begins at token 984: no sink in it.
    assert (sliding.keys, sliding.positional, sliding.attended) == (16, 12, 12 + 2)
    assert result.density == (116 + 14) / 1016
    assert result.positional_density == (16 + 12) / 1016
    assert result.kv_bytes == (1000 + 16) * 2 * (16 + 16) * 4
    assert result.index_bytes == 0


def test_an_efficient_config_is_estimated_as_a_research_one() -> None:
    """The same maskers keep the same keys and hold the same indexes, whichever backend reads them."""
    maskers = [{"kind": "sink", "size": 4}, {"kind": "quest", "page_size": 4, "budget": 0.1}]
    estimates = [
        estimate(AttentionConfig.model_validate({"kind": kind, "maskers": maskers}), config_of("llama"), 200)
        for kind in ("research", "efficient")
    ]
    assert estimates[1] == estimates[0]
    assert estimates[0].layers[0].attended == 4 + 20
    assert estimates[0].index_bytes > 0


def test_dense_layers_are_left_out() -> None:
    """They are not estimated; their keys and values are still read."""
    result = estimate(attention({"kind": "local", "window": 12}, dense_layers=(0,)), config_of("llama"), 100)
    assert [group.layers for group in result.layers] == [(1,)]
    assert result.density == 0.12
    assert result.kv_bytes == 2 * 100 * 2 * (8 + 8) * 4


def test_an_estimate_is_what_a_request_measures(adapt: Any) -> None:
    """One decoding step of a request at that length attends to as many keys as estimated."""
    maskers = [{"kind": "sink", "size": 4}, {"kind": "oracle_top_k", "budget": 0.1}]
    model = build_model("llama")
    adapter = adapt(model, *maskers, protocol={"sparse_from": "generation"})
    report = adapter.process_request(Request("m" * 98, "?"), {"max_new_tokens": 2}).report
    assert report.sparse_calls == 2
    assert report.density == pytest.approx(estimate(attention(*maskers), model.config, 101).density, abs=1e-9)
