"""Products between query heads and the KV heads they share, without repeating a key or a value.

With g = hq / hkv, query head h belongs to KV head h // g; the g query heads of a KV head are folded into its queries.
"""

from __future__ import annotations

import torch
from torch import Tensor

__all__ = ["by_group", "grouped_average", "grouped_scores", "grouped_scores_at"]


def by_group(heads: Tensor, groups: int) -> Tensor:
    """Split (b, h, ...) into (b, groups, h / groups, ...): the consecutive heads of each group."""
    return heads.reshape(heads.shape[0], groups, heads.shape[1] // groups, *heads.shape[2:])


def grouped_scores(queries: Tensor, keys: Tensor) -> Tensor:
    """Inner products (b, hq, q, k) of queries (b, hq, q, d) with keys (b, hkv, k, d)."""
    b, hq, q, d = queries.shape
    hkv = keys.shape[1]
    folded = queries.reshape(b, hkv, hq // hkv * q, d)
    return (folded @ keys.transpose(-1, -2)).reshape(b, hq, q, keys.shape[2])


def grouped_average(weights: Tensor, values: Tensor) -> Tensor:
    """Weighted sums (b, hq, q, dv) of values (b, hkv, k, dv) under weights (b, hq, q, k)."""
    b, hq, q, k = weights.shape
    hkv = values.shape[1]
    folded = weights.reshape(b, hkv, hq // hkv * q, k)
    return (folded @ values).reshape(b, hq, q, values.shape[3])


def grouped_scores_at(queries: Tensor, keys: Tensor, indices: Tensor) -> Tensor:
    """Inner products (b, hq, q, m) of queries (b, hq, q, d) with the keys (b, hkv, k, d) at indices (b, hq, q, m)."""
    b, hq, q, d = queries.shape
    hkv, m = keys.shape[1], indices.shape[-1]
    rows = hq // hkv * q
    batch = torch.arange(b, device=keys.device).reshape(b, 1, 1)
    head = torch.arange(hkv, device=keys.device).reshape(1, hkv, 1)
    picked = keys[batch, head, indices.reshape(b, hkv, rows * m)].reshape(b, hkv, rows, m, d)
    return (picked @ queries.reshape(b, hkv, rows, d, 1)).reshape(b, hq, q, m)
