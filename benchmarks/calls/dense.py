"""Dense attention of a call, as well as torch can do it: what sparse attention has to beat."""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import Tensor
from torch.nn.functional import scaled_dot_product_attention

from sah_core.grouped_heads import by_group

from .call import Call

__all__ = ["DENSE", "dense_attention"]

DENSE = ("sdpa", "sdpa, grouped", "matmul")


def dense_attention(call: Call) -> dict[str, Callable[[], Tensor]]:
    """By name of `DENSE`, each gives the output, rearranged as it comes easiest.

    * sdpa: scaled_dot_product_attention with enable_gqa;
    * sdpa, grouped: the same with the query heads of a KV head as its queries, which reads each key once a group;
    * matmul: two products, grouped likewise, and a softmax in float32 between them, as in transformers' eager form.
    """
    queries, keys, values, mask = call.queries, call.keys, call.values, call.attention_mask
    kv_heads, size = keys.shape[1], queries.shape[1] // keys.shape[1]
    folded = by_group(queries, kv_heads).flatten(2, 3)  # (1, hkv, g * q, d)
    # Beside each query of the group its row of the mask; one row for all stays one.
    rows = mask if mask is None or mask.shape[2] == 1 else mask.repeat(1, 1, size, 1)
    scaling = queries.shape[3] ** -0.5

    def matmul() -> Tensor:
        logits: Tensor = folded @ keys.mT * scaling
        if rows is not None:
            logits = logits + rows
        weights = logits.softmax(-1, dtype=torch.float32).to(queries.dtype)
        return weights @ values

    return {
        "sdpa": lambda: scaled_dot_product_attention(queries, keys, values, attn_mask=mask, enable_gqa=True),
        "sdpa, grouped": lambda: scaled_dot_product_attention(folded, keys, values, attn_mask=rows),
        "matmul": matmul,
    }
