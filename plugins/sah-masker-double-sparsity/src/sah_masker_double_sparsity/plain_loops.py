"""Products with channels as they are, by compiled loops: nothing is converted but where it is multiplied."""

from __future__ import annotations

import numpy as np
from torch import Tensor

from sah_core.compiled.jit import jit
from sah_core.compiled.memory import Array, array, flat_memory
from sah_core.compiled.numbers import LINE, prefetch, real
from sah_core.compiled.over_rows import over_rows

__all__ = ["plain_products"]

AT_ONCE = 2048
"""Keys whose channels and sums stay in the nearest cache until the next query needs them."""
AHEAD = 16
"""How many keys ahead memory is asked for."""


def plain_products(queries: Tensor, channels: Tensor) -> Tensor:
    """Inner products float32 (b, hkv, rows, n) of queries (b, hkv, rows, c) float32 and ``channels`` (b, hkv, c, n).

    A channel's numbers lie beside each other, or a key's do.
    """
    b, hkv, rows, c = queries.shape
    products = queries.new_empty((b * hkv, rows, channels.shape[3]))
    arrays = (array(queries.reshape(b * hkv, rows, c).contiguous()), flat_memory(channels))
    batch_step, head_step, channel_step, key_step = channels.stride()
    loop, step = (_by_channel, channel_step) if key_step == 1 else (_by_key, key_step)
    over_rows(loop, b * hkv, channels.numel(), *arrays, (batch_step, head_step, step), hkv, array(products))
    return products.view(b, hkv, rows, -1)


@jit
def _by_channel(
    first: int, last: int, queries: Array, channels: Array, steps: tuple[int, int, int], heads: int, products: Array
) -> None:
    """Of KV heads ``first`` to ``last`` the ``products`` (h, rows, n) of ``queries`` (h, rows, c).

    ``channels`` is flat memory, with ``steps`` from one batch row, one of the ``heads`` and one channel to the next.
    """
    rows, n = products.shape[1:]
    for h in range(first, last):
        place = h // heads * steps[0] + h % heads * steps[1]
        for start in range(0, n, AT_ONCE):
            size = min(AT_ONCE, n - start)
            for i in range(rows):
                product = products[h, i, start : start + size]
                for k in range(size):
                    product[k] = 0
                for c in range(queries.shape[2]):
                    factor = queries[h, i, c]
                    at = place + c * steps[2] + start
                    channel = channels[at : at + size]
                    for k in range(size):
                        product[k] += factor * real(channel[k])


@jit
def _by_key(
    first: int, last: int, queries: Array, channels: Array, steps: tuple[int, int, int], heads: int, products: Array
) -> None:
    """The same where ``steps`` are from one batch row, head and key to the next."""
    rows, n = products.shape[1:]
    width = queries.shape[2]
    line = LINE // channels.itemsize
    for h in range(first, last):
        place = h // heads * steps[0] + h % heads * steps[1]
        for k in range(n):
            if k + AHEAD < n:
                for c in range(0, width, line):
                    prefetch(channels, place + AHEAD * steps[2] + c)
            key = channels[place : place + width]
            place += steps[2]
            for i in range(rows):
                total = np.float32(0)
                for c in range(width):
                    total += queries[h, i, c] * real(key[c])
                products[h, i, k] = total
