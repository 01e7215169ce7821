"""Products with keys that are converted first, some keys after others: what is converted stays in cache."""

from __future__ import annotations

from collections.abc import Sequence
from math import prod

import torch
from torch import Tensor

from sah_core.compiled.available import compiles

__all__ = ["keys_at_once", "products_in_blocks"]

NUMBERS_AT_ONCE = 2**19
"""Converted numbers at a time: 2 MiB in float32."""
FEW = 16
"""Queries of a KV head up to which a loop that reads key by key beats converting keys for a matrix product."""


def keys_at_once(shape: Sequence[int]) -> int:
    """How many keys are converted together that are (b, hkv, channels) numbers each."""
    return max(1, NUMBERS_AT_ONCE // max(1, prod(shape)))


def products_in_blocks(queries: Tensor, channels: Tensor) -> Tensor:
    """Inner products (b, hkv, rows, n), in the dtype of ``queries`` (b, hkv, rows, c); ``channels`` (b, hkv, c, n)."""
    in_loops = channels.stride(3) == 1 or (channels.stride(2) == 1 and queries.shape[2] <= FEW)
    if in_loops and compiles(queries, channels):
        from .plain_loops import plain_products

        return plain_products(queries, channels)
    at_once = keys_at_once(channels.shape[:3])
    products = queries.new_empty((*queries.shape[:3], channels.shape[3]))
    converted = torch.empty_like(channels[..., :at_once], dtype=queries.dtype)  # laid out as they are
    for part, out in zip(torch.split(channels, at_once, -1), torch.split(products, at_once, -1), strict=True):
        out.copy_(queries @ converted[..., : part.shape[3]].copy_(part))
    return products
