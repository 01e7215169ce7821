"""A user's own 4-D masks in a sparse mode: obeyed in each form that transformers takes, named where they do not fit."""

from __future__ import annotations

from typing import Any

import pytest
import torch
from torch import Tensor

from sah_core import InputsError
from sah_hf import ModelAdapterHF

LENGTH = 20
CAUSAL = torch.ones(1, 1, LENGTH, LENGTH, dtype=torch.bool).tril()
WIDE = {"maskers": [{"kind": "causal"}]}


def additive(visible: Tensor, dtype: torch.dtype = torch.float32) -> Tensor:
    return torch.zeros(visible.shape, dtype=dtype).masked_fill(~visible, torch.finfo(dtype).min)


@torch.no_grad()
def logits(model: Any, ids: Tensor, mask: Tensor | None) -> Tensor:
    found: Tensor = model(input_ids=ids, attention_mask=mask).logits
    return found


@pytest.mark.parametrize("form", ["bool", "float32", "float64", "bfloat16", "each head's"])
def test_a_mask_is_obeyed(llama: Any, tokens: Any, backend: str, form: str) -> None:
    """Causal but for a hidden key: bool or additive, in another dtype than the model's, for all heads or for each."""
    ids = tokens(LENGTH)
    visible = CAUSAL.clone()
    visible[..., 8:, 7] = False
    expected = logits(llama, ids, additive(visible))
    mask = {
        "bool": visible,
        "float32": additive(visible),
        "float64": additive(visible, torch.float64),
        "bfloat16": additive(visible, torch.bfloat16),
        "each head's": additive(visible).expand(1, 4, LENGTH, LENGTH),
    }[form]
    adapter = ModelAdapterHF(llama, {"kind": backend, **WIDE})
    with adapter.enable_sparse_mode(sparse_from=0):
        torch.testing.assert_close(logits(llama, ids, mask), expected, atol=1e-5, rtol=0)
    assert (expected - logits(llama, ids, None)).abs().max() > 0.01


def test_a_row_that_sees_nothing(llama: Any, tokens: Any, backend: str) -> None:
    """It attends to nothing and gives zeros there, as padding does; every other row is as without it."""
    ids = tokens(LENGTH)
    hidden = CAUSAL.clone()
    hidden[:, :, 7] = False
    hidden[:, :, 8:, 7] = False  # so that nobody else reads what the row became
    others = [row for row in range(LENGTH) if row != 7]
    adapter = ModelAdapterHF(llama, {"kind": backend, **WIDE})
    with adapter.enable_sparse_mode(sparse_from=0):
        found = logits(llama, ids, additive(hidden))
    assert bool(found.isfinite().all())
    torch.testing.assert_close(found[:, others], logits(llama, ids, additive(hidden))[:, others], atol=1e-5, rtol=0)


@pytest.mark.parametrize(
    ("mask", "said"),
    [
        (CAUSAL[..., :15], r"shape \(1, 1, 20, 15\); expected four dimensions broadcastable to \(1, 4, 20, 20\)"),
        (CAUSAL[:, :, :15], r"shape \(1, 1, 15, 20\); expected"),
        (CAUSAL.expand(1, 3, LENGTH, LENGTH), r"shape \(1, 3, 20, 20\); expected"),
        (CAUSAL.expand(2, 1, LENGTH, LENGTH), r"shape \(2, 1, 20, 20\); expected"),
        (CAUSAL.long(), "dtype torch.int64; expected bool .* or an additive float"),
    ],
)
def test_a_mask_that_does_not_fit(llama: Any, tokens: Any, backend: str, mask: Tensor, said: str) -> None:
    """Keys, queries, heads, rows or dtype that are wrong: what was given, what was expected; the model is as before."""
    adapter = ModelAdapterHF(llama, {"kind": backend, **WIDE})
    with pytest.raises(InputsError, match=said), adapter.enable_sparse_mode(sparse_from=0):
        logits(llama, tokens(LENGTH), mask)
    assert llama.config._attn_implementation == "sdpa"
