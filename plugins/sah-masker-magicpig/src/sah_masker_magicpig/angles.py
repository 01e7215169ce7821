"""The angles between queries and a few keys each."""

from __future__ import annotations

import torch
from torch import Tensor

from sah_core import AttentionInputs

from .codes import KeyCodes

__all__ = ["cosines_at"]

KEYS_AT_ONCE = 1024
"""Keys read before they are used: with 128 channels in float64, the 1 MiB that stay in a core's cache."""


def cosines_at(inputs: AttentionInputs, index: KeyCodes, indices: Tensor) -> Tensor:
    """The cosine of the angle between q and k - mu, float64 (b, hq, q, m), of the keys at ``indices`` (b, hq, q, m).

    Within rounding of 1 it is 1. A zero vector is at a right angle to all vectors but another zero vector, which has
    its direction: so their codes have it. A vector without a finite length has every vector's direction.
    """
    products, of_key, of_query = _parts(inputs, index, indices)
    cos = products / (of_key * of_query)
    zeros = (of_key == 0).int() + (of_query == 0).int()
    cos = torch.where(zeros == 0, cos, (zeros == 2).double())
    # Each of the three sums is wrong by d / 2 roundings at most: a key of the query's direction should be told as such.
    near = (inputs.queries.shape[3] + 4) * torch.finfo(torch.float64).eps
    certain = (1 - cos <= near) | ~of_key.isfinite() | ~of_query.isfinite() | cos.isnan()
    return cos.masked_fill(certain, 1.0)


def _parts(inputs: AttentionInputs, index: KeyCodes, indices: Tensor) -> tuple[Tensor, Tensor, Tensor]:
    """q . (k - mu) and |k - mu|, float64 (b, hq, q, m), and |q|, (b, hq, q, 1)."""
    b, hq, q, d = inputs.queries.shape
    queries = inputs.queries.detach().double().reshape(b * inputs.kv_heads, -1, d, 1)  # a KV head's, of its whole group
    places = indices.clamp(max=index.length - 1).reshape(*queries.shape[:2], -1)
    rows, width = places.shape[1:]
    step = min(max(1, KEYS_AT_ONCE // max(width, 1)), rows)
    # Fresh memory for every block costs more than filling it.
    as_held = inputs.keys.new_empty((step * width, d))
    room = torch.empty((step * width, d), dtype=torch.float64, device=inputs.device)
    means, products = index.mean.flatten(0, 1), []
    for head, keys in enumerate(key.detach() for row in inputs.keys for key in row):  # (k, d)
        for row in range(0, rows, step):
            block = places[head, row : row + step]
            read = torch.index_select(keys, 0, block.reshape(-1), out=as_held[: block.numel()])
            centered = room[: block.numel()].copy_(read).sub_(means[head]).view(*block.shape, d)
            products.append((centered @ queries[head, row : row + step]).squeeze(-1))
    of_key = index.lengths.flatten(0, 1).gather(-1, places.flatten(1))
    of_query = torch.linalg.vector_norm(queries, dim=2)
    return torch.cat(products).view(indices.shape), of_key.view(indices.shape), of_query.view(b, hq, q, 1)
