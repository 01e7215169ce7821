"""The keys that a model selects itself: read from what it hands over, and followed by rows, dense layers and ours."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import pytest
import torch
from torch import nn

from sah_hf import ModelAdapterHF
from sah_hf.attention.own_selection import is_known, masked, passed_over
from sah_hf.survey.building import build_tiny_model, model_types

CAUSAL = {"maskers": [{"kind": "causal"}]}
SELECTING = [
    pytest.param(name, marks=pytest.mark.skipif(name not in model_types(), reason="a family of newer transformers"))
    for name in ("deepseek_v32", "minimax_m3_vl_text", "inkling_text")
]
"""Families that pass, for each query, keys, blocks of keys, and a bias."""


def layer(block_size: int | None = None) -> nn.Module:
    module = nn.Module()
    module.indexer = SimpleNamespace(block_size=block_size)  # type: ignore[assignment]  # no submodule is needed
    return module


def states(heads: int, length: int) -> torch.Tensor:
    return torch.zeros(1, heads, length, 2)


def test_keys_by_hand() -> None:
    """Of five keys, the first query keeps 0 and 3 and the second 4 alone, given twice; the others are hidden."""
    indices = torch.tensor([[[0, 3], [4, 4]]], dtype=torch.int32)
    hidden = passed_over(layer(), states(2, 2), states(1, 5), {"indices": indices})
    assert hidden is not None
    assert hidden.int().tolist() == [[[[0, 1, 1, 0, 1], [1, 1, 1, 1, 0]]]]


def test_blocks_by_hand() -> None:
    """Blocks of two of five keys: one group of heads keeps the last, the other the first two; -1 is none."""
    blocks = torch.tensor([[[[2, -1]], [[0, 1]]]])
    hidden = passed_over(layer(2), states(4, 1), states(2, 5), {"block_indices": blocks})
    assert hidden is not None
    assert hidden[0, :, 0].int().tolist() == [[1, 1, 1, 1, 0], [1, 1, 1, 1, 0], [0, 0, 0, 0, 1], [0, 0, 0, 0, 1]]


def test_nothing_selected() -> None:
    """A layer that hands over nothing, or None, hides nothing."""
    assert passed_over(layer(), states(1, 1), states(1, 5), {"indices": None, "softcap": 3.0}) is None


def test_masks_of_both_forms() -> None:
    """What is hidden is hidden in a bool mask and in an additive one, which keeps its other values."""
    hidden = torch.tensor([[[[True, False, False]]]])
    assert masked(None, hidden).tolist() == [[[[False, True, True]]]]
    assert masked(torch.tensor([[[[True, True, False]]]]), hidden).tolist() == [[[[False, True, False]]]]
    additive = masked(torch.tensor([[[[0.0, -1.5, 0.0]]]]), hidden)
    assert additive.tolist() == [[[[torch.finfo(torch.float32).min, -1.5, 0.0]]]]


@pytest.mark.parametrize(
    ("module", "keywords", "known"),
    [
        (layer(), {"indices": torch.zeros(1, 3, 2)}, True),
        (layer(), {"indices": torch.zeros(1, 1, 2)}, False),
        (layer(4), {"block_indices": torch.zeros(1, 2, 3, 1)}, True),
        (layer(4), {"block_indices": torch.zeros(1, 3, 3, 1)}, False),
        (layer(), {"block_indices": torch.zeros(1, 2, 3, 1)}, False),
        (layer(), {}, True),
    ],
)
def test_forms_that_are_known(module: nn.Module, keywords: dict[str, Any], known: bool) -> None:
    """Keys for each of three queries, or blocks for groups of four heads where the layer tells a block's size."""
    assert is_known(module, states(4, 3), keywords) is known


@torch.no_grad()
def logits(model: Any, ids: torch.Tensor) -> torch.Tensor:
    """Of six tokens after a context of 40."""
    cache = model(input_ids=ids[:, :40], use_cache=True).past_key_values
    found: torch.Tensor = model(input_ids=ids[:, 40:], past_key_values=cache).logits
    return found


@pytest.mark.parametrize("model_type", SELECTING)
def test_a_forward_that_is_split(model_type: str, tokens: Any) -> None:
    """The first queries dense, the rest sparse with every key: each row keeps what the model selected for it."""
    model, ids = build_tiny_model(model_type), tokens(46).remainder(60)
    expected = logits(model, ids)
    adapter = ModelAdapterHF(model, CAUSAL, protocol={"first_tokens_dense": 2})
    with adapter.enable_sparse_mode() as mode:
        found = logits(model, ids)
    assert mode.meter.calls == 2
    torch.testing.assert_close(found, expected, atol=1e-5 * float(expected.abs().max()), rtol=0)


@pytest.mark.parametrize("implementation", ["eager", "sdpa"])
@pytest.mark.parametrize("model_type", SELECTING[:2])
def test_dense_layers_keep_the_selection(model_type: str, implementation: str, tokens: Any) -> None:
    """A layer left to the model's own implementation attends to what the model selected, with or without a mask."""
    model, ids = build_tiny_model(model_type), tokens(46).remainder(60)
    model.set_attn_implementation(implementation)
    expected = logits(model, ids)
    adapter = ModelAdapterHF(model, {**CAUSAL, "dense_layers": [1]})
    with adapter.enable_sparse_mode() as mode:
        found = logits(model, ids)
    assert mode.meter.layer(1).sparse_calls == 0
    torch.testing.assert_close(found, expected, atol=1e-5 * float(expected.abs().max()), rtol=0)
