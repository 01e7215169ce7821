"""Products between query heads and the KV heads they share, without repeating a key or a value.

With g = hq / hkv, query head h belongs to KV head h // g; the g query heads of a KV head are folded into its queries.
"""

from __future__ import annotations

from collections.abc import Iterator
from itertools import product

import torch
from torch import Tensor
from torch.nn.functional import linear

__all__ = ["by_group", "grouped_average", "grouped_scores", "grouped_scores_at"]

AT_ONCE = 4096
"""Keys or values that are converted to another dtype together."""
FEW_QUERIES = 16
"""Rows of queries up to which a product is bound by reading the keys."""


def by_group(heads: Tensor, groups: int) -> Tensor:
    """Split (b, h, ...) into (b, groups, h / groups, ...): the consecutive heads of each group."""
    return heads.reshape(heads.shape[0], groups, heads.shape[1] // groups, *heads.shape[2:])


def grouped_scores(queries: Tensor, keys: Tensor) -> Tensor:
    """Inner products (b, hq, q, k) of queries (b, hq, q, d) with keys (b, hkv, k, d), in the queries' dtype.

    Keys of another dtype are converted a few thousand at a time.
    """
    b, hq, q, d = queries.shape
    hkv = keys.shape[1]
    folded = queries.reshape(b, hkv, hq // hkv * q, d)
    return _products(folded, keys).reshape(b, hq, q, keys.shape[2])


def _products(queries: Tensor, keys: Tensor) -> Tensor:
    """Inner products (b, h, n, k) of queries (b, h, n, d) with keys (b, h, k, d), in the order a CPU is fastest at."""
    if queries.dtype != keys.dtype:
        products = [
            torch.cat([_products(query[None, None], part[None, None]) for part in _parts(key, query.dtype)], -1)
            for query, key in _heads(queries, keys)
        ]
        return torch.stack(products).reshape(*queries.shape[:3], keys.shape[2])
    if queries.device.type != "cpu" or queries.shape[2] > FEW_QUERIES:
        return queries @ keys.mT
    if queries.dtype in (torch.float32, torch.float64):
        return (keys @ queries.mT).mT  # half the time: keys are read in rows
    if keys.is_contiguous():
        return queries @ keys.mT
    # In 16 bits a batch of matrices that do not lie end to end takes a path twenty times slower than one after another.
    products = [linear(query, key) for query, key in _heads(queries, keys)]
    return torch.stack(products).reshape(*queries.shape[:3], keys.shape[2])


def _heads(one: Tensor, other: Tensor) -> Iterator[tuple[Tensor, Tensor]]:
    """The matrices of two tensors (b, h, ...), head by head."""
    for batch in range(one.shape[0]):
        yield from zip(one[batch], other[batch], strict=True)


def _parts(matrix: Tensor, dtype: torch.dtype) -> Iterator[Tensor]:
    """The rows of a matrix (k, d) in another dtype, as many together as are still in cache when they are used."""
    for part in torch.split(matrix, AT_ONCE):
        yield part.to(dtype)


def grouped_average(weights: Tensor, values: Tensor) -> Tensor:
    """Weighted sums (b, hq, q, dv) of values (b, hkv, k, dv) under weights (b, hq, q, k), in the weights' dtype.

    Values of another dtype are converted a few thousand at a time.
    """
    b, hq, q, k = weights.shape
    hkv = values.shape[1]
    folded = weights.reshape(b, hkv, hq // hkv * q, k)
    if values.dtype == weights.dtype:
        return (folded @ values).reshape(b, hq, q, values.shape[3])
    sums = []
    for weighing, value in _heads(folded, values):
        parts = zip(torch.split(weighing, AT_ONCE, 1), _parts(value, weights.dtype), strict=True)
        sums.append(torch.stack([weight @ part for weight, part in parts]).sum(0))
    return torch.stack(sums).reshape(b, hq, q, values.shape[3])


def grouped_scores_at(queries: Tensor, keys: Tensor, indices: Tensor) -> Tensor:
    """Inner products (b, hq, q, m) of queries (b, hq, q, d) with the keys (b, hkv, k, d) at indices (b, h, q, m).

    h is a multiple of hkv and divides hq: the hq / h query heads of a row of indices share what is gathered for it.
    Only what is gathered is converted to the queries' dtype.
    """
    b, hq, q, d = queries.shape
    hkv, h, m = keys.shape[1], indices.shape[1], indices.shape[-1]
    rows = h // hkv
    folded = queries.reshape(b, hkv, rows, hq // h, q, d).transpose(3, 4)  # (b, hkv, rows, q, hq / h, d)
    products = queries.new_empty((b, hkv, rows, hq // h, q, m))
    # One KV head at a time, so that what was gathered is still in cache when it is used.
    for place in product(range(b), range(hkv)):
        wanted = indices[place[0], place[1] * rows : (place[1] + 1) * rows]  # (rows, q, m)
        picked = keys[place].index_select(0, wanted.reshape(-1)).to(queries.dtype).reshape(rows, q, m, d)
        products[place] = (folded[place] @ picked.mT).transpose(1, 2)
    return products.reshape(b, hq, q, m)
