"""Loops that numba compiles: coding a few keys, looking codes up, and the softmax that heads of a group sum."""

from __future__ import annotations

import math

import numpy as np

from sah_core.compiled.jit import jit
from sah_core.compiled.memory import Array
from sah_core.compiled.numbers import real

__all__ = ["find_nearest", "look_up", "weigh"]

PER_E = 1 / math.log(2)
POWER_TERMS = tuple(math.log(2) ** power / math.factorial(power) for power in range(12, -1, -1))
"""Of 2^x = e^(x log 2), the highest power first: to |x| = 1/2 the next would add less than a float64's rounding."""
LOG_TERMS = tuple(2 / power for power in range(19, 0, -2))
"""Of log((1 + s) / (1 - s)) = 2 (s + s^3 / 3 + ...), the highest power first: enough to |s| = .172, as for 2^(1/2)."""
ROOT_HALF = 0x3FE6A09E00000000
"""The bits of a float64 next to 2^(-1/2)."""

MAGNITUDE, INFINITE = 0x7FFFFFFF, 0x7F800000
"""The bits of a float32 but for its sign, and those of infinity: beyond are those of NaN."""
LOWEST = -INFINITE - 1
"""What -inf is among the whole numbers that `_largest` compares."""


@jit
def find_nearest(first: int, last: int, points: Array, centroids: Array, unit: float, found: Array) -> None:
    """Of parts ``first`` to ``last``: ``found`` (r, n) of float64 ``points`` (r, n, w) and ``centroids`` (r, c, w).

    As `k_means.nearest` says, which gives 0 for a point with NaN or infinity. Sums are float64; ``unit`` is the
    rounding of a distance for each unit of |x|^2 / 2 and of the largest |c|^2 / 2.
    """
    c, w = centroids.shape[1:]
    distances = np.empty(c, np.float64)
    for r in range(first, last):
        for i in range(points.shape[1]):
            point = points[r, i]
            own, furthest, closest = 0.0, 0.0, np.inf
            for x in range(w):
                own += point[x] * point[x]
            for number in range(c):
                centroid = centroids[r, number]
                square, product = 0.0, 0.0
                for x in range(w):
                    value = np.float64(real(centroid[x]))
                    square += value * value
                    product += value * point[x]
                distances[number] = square / 2 - product
                furthest = max(furthest, square / 2)
                closest = min(closest, distances[number])
            rounding = unit * (furthest + own / 2)
            place = 0
            if rounding < np.inf:
                while distances[place] > closest + rounding:
                    place += 1
            found[r, i] = place


@jit
def look_up(first: int, last: int, tables: Array, codes: Array, steps: tuple[int, int], found: Array) -> None:
    """Of rows ``first`` to ``last``, numbered (b, hkv, rows): of ``tables`` (b, hkv, rows, c) what keys' codes name.

    ``codes`` is flat memory, in which those of a KV head's n keys lie beside each other and begin at the sum of
    ``steps``; ``found`` is (b, hkv, rows, n).
    """
    hkv, rows, n = found.shape[1:]
    for r in range(first, last):
        batch, head, row = r // rows // hkv, r // rows % hkv, r % rows
        start = batch * steps[0] + head * steps[1]
        of_keys, table, out = codes[start : start + n], tables[batch, head, row], found[batch, head, row]
        for j in range(n):
            out[j] = table[np.uint16(of_keys[j])]


@jit
def weigh(first: int, last: int, logits: Array, counts: Array, least: float, found: Array) -> None:
    """Of rows ``first`` to ``last``, numbered (b, hkv, q): ``found`` (b, hkv, q, c) float32, as `group_weights` says.

    ``logits`` (b, hkv, g, q, c) float32, ``counts`` (b, hkv, 1 or q, c). NaN where the sum is less than ``least``.
    """
    hkv, g, q, codes = logits.shape[1:]
    powers, sums = np.empty(codes, np.float64), np.empty(codes, np.float64)
    for r in range(first, last):
        batch, head, query = r // q // hkv, r // q % hkv, r % q
        held, out = counts[batch, head, query % counts.shape[2]], found[batch, head, query]
        sums[:] = 0
        for h in range(g):
            of_codes = logits[batch, head, h, query]
            largest = _largest(of_codes, held)
            if not abs(largest) < np.inf:
                continue
            total = 0.0
            for c in range(codes):
                power = _power_of_two((np.float64(of_codes[c]) - largest) * PER_E)
                powers[c] = power if held[c] > 0 else 0.0
                total += powers[c] * held[c]
            part = 1 / total
            for c in range(codes):
                sums[c] += powers[c] * part
        for c in range(codes):
            enough = sums[c] >= least
            logarithm = _log(sums[c] if enough else least)
            weight = np.float32(logarithm if enough else np.nan)
            out[c] = weight if held[c] > 0 else np.float32(-np.inf)


@jit
def _largest(logits: Array, held: Array) -> float:
    """The largest of the logits (c,) float32 of codes that are held, -inf of none; NaN where one of these is NaN.

    By their bits as whole numbers in the same order, of which, unlike floats, several are compared at once.
    """
    bits = logits.view(np.int32)
    largest, furthest = LOWEST, 0
    for c in range(bits.shape[0]):
        bit = bits[c]
        rank = bit ^ ((bit >> 31) & MAGNITUDE)
        largest = max(largest, rank if held[c] > 0 else LOWEST)
        furthest = max(furthest, bit & MAGNITUDE if held[c] > 0 else 0)
    number = np.int32(largest ^ ((largest >> 31) & MAGNITUDE)).view(np.float32)
    return np.nan if furthest > INFINITE else np.float64(number)


@jit
def _power_of_two(x: float) -> float:
    """2^x of x up to 0, to the rounding of float64 times |x|; of less than -1022 the smallest normal number."""
    x = max(x, -1022.0)
    whole = np.floor(x + 0.5)
    rest = x - whole
    power = 0.0
    for term in POWER_TERMS:
        power = power * rest + term
    return power * np.int64((np.int64(whole) + 1023) << 52).view(np.float64)


@jit
def _log(x: float) -> float:
    """The natural logarithm of a positive normal number, to the rounding of float64."""
    bits = np.float64(x).view(np.int64)
    doublings = (bits - ROOT_HALF) >> 52
    rest = np.int64(bits - (doublings << 52)).view(np.float64)  # from 2^(-1/2) to 2^(1/2)
    s = (rest - 1) / (rest + 1)
    series = 0.0
    for term in LOG_TERMS:
        series = series * (s * s) + term
    return doublings * (1 / PER_E) + s * series
