"""`attention_function`: sparse attention as a function of the form that transformers takes, whatever mode is open."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from torch import Tensor, nn

from sah_core import SparseAttention
from sah_hf.attention.attention_call import AttentionCall, AttentionResult

__all__ = ["attention_function"]


def attention_function(attention: SparseAttention) -> Callable[..., AttentionResult]:
    """A function as `ModelAdapterHF.get_custom_attention_function` describes it."""
    need_weights = attention.gives_weights

    def attend(
        module: nn.Module,
        query: Tensor,
        key: Tensor,
        value: Tensor,
        attention_mask: Tensor | None,
        scaling: float | None = None,
        dropout: float = 0.0,
        **keywords: Any,
    ) -> AttentionResult:
        call = AttentionCall(module, query, key, value, attention_mask, scaling, dropout, keywords)
        result = attention(call.inputs(first=key.shape[2] - query.shape[2]), need_weights=need_weights)
        return result.output.transpose(1, 2).contiguous(), result.weights

    return attend
