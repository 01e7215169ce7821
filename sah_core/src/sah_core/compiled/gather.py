"""Products with scattered keys and sums of scattered values, read in place once for the queries that share them."""

from __future__ import annotations

import numpy as np

from .jit import jit
from .memory import Array
from .numbers import LINE, prefetch, real

__all__ = ["average", "products"]

AHEAD = 16
"""How many rows ahead memory is asked for: about as many as are on their way while one is used."""
TOGETHER = 64
"""Values that are summed before their sum is added to the others': one long sum would lose more to rounding."""


@jit
def products(first: int, last: int, queries: Array, keys: Array, places: Array, logits: Array) -> None:
    """Of sets ``first`` to ``last``: inner products ``logits`` (r, n, m) of queries (r, n, d) and the keys they read.

    ``keys`` is flat memory, in which the d channels of a set's key begin at ``places`` (r, m). Sums are float32.
    """
    n, d = queries.shape[1:]
    m = places.shape[1]
    line = LINE // keys.itemsize
    for r in range(first, last):
        for j in range(m):
            if j + AHEAD < m:
                for c in range(0, d, line):
                    prefetch(keys, places[r, j + AHEAD] + c)
            key = keys[places[r, j] : places[r, j] + d]
            for i in range(n):
                total = np.float32(0)
                for c in range(d):
                    total += queries[r, i, c] * real(key[c])
                logits[r, i, j] = total


@jit
def average(first: int, last: int, weights: Array, values: Array, places: Array, sums: Array) -> None:
    """Of sets ``first`` to ``last``: the sums (r, n, d) of the values read under ``weights`` (r, n, m) float32.

    ``values`` and ``places`` as in `products`.
    """
    n, d = sums.shape[1:]
    m = places.shape[1]
    line = LINE // values.itemsize
    part = np.empty((n, d), np.float32)
    for r in range(first, last):
        sums[r] = 0
        for start in range(0, m, TOGETHER):
            part[:] = 0
            for j in range(start, min(start + TOGETHER, m)):
                if j + AHEAD < m:
                    for c in range(0, d, line):
                        prefetch(values, places[r, j + AHEAD] + c)
                value = values[places[r, j] : places[r, j] + d]
                for i in range(n):
                    weight = weights[r, i, j]
                    for c in range(d):
                        part[i, c] += weight * real(value[c])
            sums[r] += part
