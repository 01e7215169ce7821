"""Half, single and double precision, and autocast: at full mask a sparse forward is eager attention's in each."""

from __future__ import annotations

from typing import Any

import pytest
import torch
from tests.hf.conftest import build_model
from torch import Tensor

from sah_hf import ModelAdapterHF

# Of the largest logit. Eager attention takes its softmax in float32, so double precision is no better than single.
TOLERANCES = {torch.float64: 2e-6, torch.float32: 2e-6, torch.float16: 5e-3, torch.bfloat16: 4e-2}
DENSE_ALONE = {("gpt_oss", torch.float64), ("deepseek_v3", torch.float64)}
"""Their experts have no double precision in transformers."""


@torch.no_grad()
def logits(model: Any, ids: Tensor) -> Tensor:
    """Of the last six tokens, after those before them."""
    cache = model(input_ids=ids[:, :-6]).past_key_values
    found: Tensor = model(input_ids=ids[:, -6:], past_key_values=cache).logits
    return found


@pytest.mark.parametrize("dtype", TOLERANCES, ids=str)
@pytest.mark.parametrize("family", ["llama", "gemma2", "gpt_oss", "deepseek_v3"])
def test_full_mask_is_eager_attention(family: str, dtype: torch.dtype, backend: str, tokens: Any) -> None:
    """Softcap, sinks, latent keys and values: the logits agree as far as the precision goes, and have its type."""
    if (family, dtype) in DENSE_ALONE:
        pytest.skip("the experts of this family have no double precision")
    ids = tokens(30)
    model = build_model(family, attn_implementation="eager").to(dtype)
    adapter = ModelAdapterHF(model, {"kind": backend, "maskers": [{"kind": "causal"}]})
    expected = logits(model, ids)
    with adapter.enable_sparse_mode() as mode:
        found = logits(model, ids)
    assert mode.meter.calls == 2
    assert mode.meter.density == 1.0
    assert found.dtype == expected.dtype == dtype
    assert (found - expected).abs().max() <= TOLERANCES[dtype] * expected.abs().max()


def test_autocast(backend: str, tokens: Any) -> None:
    """A float32 model under autocast attends in bfloat16, sparsely as densely."""
    ids = tokens(30)
    model = build_model("llama", attn_implementation="eager")
    adapter = ModelAdapterHF(model, {"kind": backend, "maskers": [{"kind": "causal"}]})
    with torch.autocast("cpu", dtype=torch.bfloat16):
        expected = logits(model, ids)
        with adapter.enable_sparse_mode() as mode:
            found = logits(model, ids)
    assert mode.meter.calls == 2
    assert found.dtype == torch.bfloat16
    assert (found - expected).abs().max() <= TOLERANCES[torch.bfloat16] * expected.abs().max()
    exact = logits(model, ids)
    assert (found - exact).abs().max() <= TOLERANCES[torch.bfloat16] * exact.abs().max()


@torch.no_grad()
def test_a_cache_of_another_precision(backend: str, llama: Any, tokens: Any) -> None:
    """A bfloat16 model on keys that a float32 one read, which eager refuses: computed in float32, the logits agree."""
    ids = tokens(30)
    expected = logits(llama, ids)
    cache = llama(input_ids=ids[:, :-6]).past_key_values
    model = build_model("llama").to(torch.bfloat16)
    adapter = ModelAdapterHF(model, {"kind": backend, "maskers": [{"kind": "causal"}]})
    with adapter.enable_sparse_mode():
        found = model(input_ids=ids[:, -6:], past_key_values=cache).logits
    assert found.dtype == torch.bfloat16
    assert (found - expected).abs().max() <= TOLERANCES[torch.bfloat16] * expected.abs().max()
