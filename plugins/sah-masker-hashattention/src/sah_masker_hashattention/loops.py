"""Loops that numba compiles: the network of few vectors, and the bits in which signatures agree."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
from numba.extending import intrinsic

from sah_core.compiled.jit import jit
from sah_core.compiled.memory import Array

__all__ = ["agreements", "network"]

AT_ONCE = 4096
"""Keys whose scores stay in cache while they are added up."""


@jit
def network(
    first: int, last: int, x: Array, weights: tuple[Array, ...], biases: tuple[Array, ...], found: Array
) -> None:
    """Of heads ``first`` to ``last``: the values ``found`` (h, n, bits) of vectors ``x`` (h, n, d), as `phi` says.

    Of each layer weights (h, in, out) and biases (h, out), float32; vectors and sums are float64. For all vectors of a
    head a weight is read once.
    """
    n, d = x.shape[1:]
    widest = d
    for bias in biases:
        widest = max(widest, bias.shape[1])
    given, made = np.empty((n, widest)), np.empty((n, widest))
    for h in range(first, last):
        given[:, :d] = x[h]
        for depth in range(len(weights)):
            weight, bias = weights[depth][h], biases[depth][h]
            into, out = weight.shape
            for v in range(n):
                if depth:
                    for i in range(into):
                        given[v, i] /= 1 + math.exp(-given[v, i])
                for o in range(out):
                    made[v, o] = bias[o]
            for i in range(0, into, 2):
                # Two rows at a time, so that sums are read and written half as often.
                pair = i + 1 < into
                one, two = weight[i], weight[i + pair]
                for v in range(n):
                    factor, other, sums = given[v, i], given[v, i + pair] if pair else 0.0, made[v]
                    for o in range(out):
                        sums[o] += factor * np.float64(one[o]) + other * np.float64(two[o])
            given, made = made, given
        found[h] = given[:, : found.shape[2]]


@jit
def agreements(first: int, last: int, bits: Array, packed: Array, steps: tuple[int, int, int], scores: Array) -> None:
    """Of rows ``first`` to ``last``, numbered (b, hkv, rows): ``scores`` (b, hkv, rows, n) as `agreement` says.

    ``bits`` (b, hkv, rows, heads, B) bool; ``packed`` is flat memory, in which the keys' bytes (b, hkv, bytes, n) begin
    at the sums of ``steps``, and the n of a byte lie beside each other.
    """
    hkv, rows, n = scores.shape[1:]
    heads, width = bits.shape[3:]
    differ = np.empty(AT_ONCE, np.uint8)
    for r in range(first, last):
        batch, head, row = r // rows // hkv, r // rows % hkv, r % rows
        octets = _packed(bits[batch, head, row])
        start = batch * steps[0] + head * steps[1]
        for begin in range(0, n, AT_ONCE):
            count = min(AT_ONCE, n - begin)
            score = scores[batch, head, row, begin : begin + count]
            score[:] = heads * width
            for h in range(heads):
                differ[:count] = 0
                for o in range(octets.shape[1]):
                    place = start + o * steps[2] + begin
                    keys, octet = packed[place : place + count], octets[h, o]
                    for j in range(count):
                        differ[j] += _ones(np.uint8(keys[j] ^ octet))
                for j in range(count):
                    score[j] -= np.float32(2) * np.float32(differ[j])


@jit
def _packed(bits: Array) -> Array:
    """Bits (heads, B) as bytes (heads, ceil(B / 8)), the first bit lowest; those past B are 0, as the keys' are."""
    heads, width = bits.shape
    octets = np.zeros((heads, (width + 7) // 8), np.uint8)
    for h in range(heads):
        for b in range(width):
            octets[h, b // 8] |= np.uint8(bits[h, b] << (b % 8))
    return octets


def _count_ones(_typing: Any, number: Any) -> Any:
    """How many bits of a whole number are 1, in its own type. For loops only."""

    def generate(_context: Any, builder: Any, _signature: Any, arguments: Any) -> Any:
        return builder.ctpop(arguments[0])

    return number(number), generate


_ones: Any = intrinsic(_count_ones)
