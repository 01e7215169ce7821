"""Products with packed labels by a compiled loop, which unpacks a label where it multiplies it."""

from __future__ import annotations

import numpy as np
from torch import Tensor

from sah_core.compiled.jit import jit
from sah_core.compiled.memory import Array, array, flat_memory
from sah_core.compiled.numbers import real
from sah_core.compiled.over_rows import over_rows

__all__ = ["packed_products"]

AT_ONCE = 2048
"""Keys whose packed labels and sums stay in the nearest cache until the next query needs them."""


def packed_products(queries: Tensor, codes: Tensor, scales: Tensor, zeros: Tensor, width: int) -> Tensor:
    """zero sum q + scale sum over c of q_c code_c, float32 (b, hkv, rows, n), for queries (b, hkv, rows, r) float32.

    ``codes`` (b, hkv * bytes, n), channel by channel in fields of ``width`` bits; ``scales`` and ``zeros`` (b, hkv, n),
    laid out alike. In each of them keys lie beside each other.
    """
    b, hkv, rows, r = queries.shape
    products = queries.new_empty((b * hkv, rows, codes.shape[2]))
    over_rows(
        _products,
        b * hkv,
        products.numel() * r,
        array(queries.reshape(b * hkv, rows, r).contiguous()),
        width,
        flat_memory(codes),
        codes.stride()[:2],
        flat_memory(scales),
        flat_memory(zeros),
        scales.stride()[:2],
        hkv,
        array(products),
    )
    return products.view(b, hkv, rows, -1)


@jit
def _products(
    first: int,
    last: int,
    queries: Array,
    width: int,
    codes: Array,
    codes_steps: tuple[int, int],
    scales: Array,
    zeros: Array,
    steps: tuple[int, int],
    heads: int,
    products: Array,
) -> None:
    """Of KV heads ``first`` to ``last`` the ``products`` (h, rows, n) of ``queries`` (h, rows, r).

    ``codes``, ``scales`` and ``zeros`` are flat memory, with steps from one batch row to the next, and to the next of
    its bytes, or of its ``heads``.
    """
    rows, r = queries.shape[1:]
    n = products.shape[2]
    fields = max(1, 8 // width)
    count = -(-r // fields)
    # Two bytes and two fields are multiplied at once: what is missing to even numbers has factor 0 and mask 0.
    factors = np.empty((rows, count + count % 2, fields + fields % 2), np.float32)
    sums = np.empty(rows, np.float32)
    masks = np.zeros(factors.shape[2], np.int64)
    for f in range(fields):
        masks[f] = ((1 << width) - 1) << f * width
    for h in range(first, last):
        _share_out(queries[h], width, factors, sums)
        of_codes = h // heads * codes_steps[0] + h % heads * count * codes_steps[1]
        place = h // heads * steps[0] + h % heads * steps[1]
        for start in range(0, n, AT_ONCE):
            size = min(AT_ONCE, n - start)
            scale, zero = scales[place + start : place + start + size], zeros[place + start : place + start + size]
            for i in range(rows):
                product = products[h, i, start : start + size]
                for k in range(size):
                    product[k] = 0
                for y in range(0, count, 2):
                    at = of_codes + y * codes_steps[1] + start
                    beside = of_codes + min(y + 1, count - 1) * codes_steps[1] + start
                    one, two = codes[at : at + size], codes[beside : beside + size]
                    for f in range(0, fields, 2):
                        a, b = factors[i, y, f], factors[i, y, f + 1]
                        c, d = factors[i, y + 1, f], factors[i, y + 1, f + 1]
                        low, high = masks[f], masks[f + 1]
                        for k in range(size):
                            product[k] += a * _whole(one[k] & low) + b * _whole(one[k] & high)
                            product[k] += c * _whole(two[k] & low) + d * _whole(two[k] & high)
                total = sums[i]
                for k in range(size):
                    product[k] = product[k] * real(scale[k]) + total * real(zero[k])


@jit
def _share_out(queries: Array, width: int, factors: Array, sums: Array) -> None:
    """``factors`` (rows, bytes, fields) of what a mask leaves of a byte, and ``sums`` (rows,) of ``queries`` (rows, r).

    A field that stands s bits up in its byte is 2^s times its number, and so much smaller is its factor: exactly.
    """
    fields = max(1, 8 // width)
    factors[:] = 0
    sums[:] = 0
    for i in range(queries.shape[0]):
        for c in range(queries.shape[1]):
            factors[i, c // fields, c % fields] = queries[i, c] / np.float32(1 << c % fields * width)
            sums[i] += queries[i, c]


@jit
def _whole(number: int) -> np.float32:
    """A number of at most 16 bits as float32: in numba's own 64 bits half as many would be converted at once."""
    return np.float32(np.int32(number))
