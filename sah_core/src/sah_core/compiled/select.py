"""The largest scores of rows, in order of place, in a few passes over a row that stays in cache."""

from __future__ import annotations

import numpy as np

from .jit import jit
from .memory import Array

__all__ = ["choose"]

PART = 4
"""Ranks that a maximum is of, at least, to be worth finding."""
SIGN, ZERO, INFINITE = 0x80000000, 0x80000000, 0xFF800000
"""The sign in the bits of a float32; what `_ranks` makes of 0 and of infinity."""


@jit
def choose(first: int, last: int, scores: Array, closed: Array, opened: Array, counts: Array, chosen: Array) -> None:
    """Of rows ``first`` to ``last``: the ``counts`` (r,) largest of ``scores`` (r, n) float32, equal ones in order.

    Not chosen are the places ``closed`` (r, c) of a row, of which n and more are none, and those that are false in
    ``opened`` (r, n), or (0, n) where that does not matter; a row must have ``counts`` others. ``chosen`` (r, m) gets
    the places in order, then n. NaN counts as infinite.
    """
    n = scores.shape[1]
    ranks, left, held = np.empty(n, np.uint32), np.empty(n + 1, np.uint32), np.empty(n + 1, np.uint32)
    maxima = np.empty(n // PART, np.uint32)
    amounts, places = np.empty(2048, np.int64), np.empty(n + 1, np.int64)
    for r in range(first, last):
        wanted = counts[r]
        chosen[r, wanted:] = n
        if wanted == 0:
            continue
        _rank(scores[r], ranks)
        for j in range(closed.shape[1]):
            if closed[r, j] < n:
                ranks[closed[r, j]] = 0
        if opened.shape[0] > 0:
            for i in range(n):
                ranks[i] = ranks[i] if opened[r, i] else np.uint32(0)
        lowest = 0
        width = wanted + wanted // 2  # so many maxima leave few ranks that reach the wanted one of them
        if width <= maxima.shape[0]:
            _part_maxima(ranks, maxima[:width])
            lowest = _nth_largest(maxima[:width], wanted, left, amounts)[0]
        found = 0
        for i in range(n):
            held[found] = ranks[i]
            places[found] = i
            found += ranks[i] >= lowest
        bound, equal = _nth_largest(held[:found], wanted, left, amounts)
        taken = 0
        for i in range(found):
            if held[i] > bound or (held[i] == bound and equal > 0):
                equal -= held[i] == bound
                chosen[r, taken] = places[i]
                taken += 1


@jit
def _rank(scores: Array, ranks: Array) -> None:
    """Numbers (n,) uint32 in the order of ``scores`` (n,) float32, and equal where those are equal; 0 is of none."""
    bits = scores.view(np.uint32)
    for i in range(ranks.shape[0]):
        rank = np.uint32(~bits[i]) if bits[i] >= SIGN else np.uint32(bits[i] | np.uint32(SIGN))
        rank = np.uint32(ZERO) if rank == ZERO - 1 else rank  # minus zero
        ranks[i] = np.uint32(INFINITE) if np.isnan(scores[i]) else rank


@jit
def _part_maxima(ranks: Array, maxima: Array) -> None:
    """The largest rank of each of as many parts; a part is every so manieth, so that memory is read in order."""
    width = maxima.shape[0]
    maxima[:] = ranks[:width]
    for start in range(width, ranks.shape[0] - width + 1, width):
        for i in range(width):
            maxima[i] = max(maxima[i], ranks[start + i])


@jit
def _nth_largest(ranks: Array, wanted: int, left: Array, amounts: Array) -> tuple[int, int]:
    """The ``wanted``-th largest of ``ranks``, digit by digit, and how many equal to it are among the ``wanted``.

    ``left`` (n + 1,) and ``amounts`` are room to work in.
    """
    count, wanted = _of_digit(ranks, ranks.shape[0], wanted, 21, left, amounts)
    count, wanted = _of_digit(left, count, wanted, 10, left, amounts)
    count, wanted = _of_digit(left, count, wanted, 0, left, amounts)
    return left[0], wanted


@jit
def _of_digit(ranks: Array, count: int, wanted: int, shift: int, left: Array, amounts: Array) -> tuple[int, int]:
    """Puts into ``left``, of the first ``count`` ranks, those whose 11 bits from ``shift`` are the ``wanted``-th's.

    Returns how many they are, and the how manieth largest of them is wanted; all bits above must be equal in all.
    """
    amounts[:] = 0
    for i in range(count):
        amounts[(ranks[i] >> np.uint32(shift)) & np.uint32(2047)] += 1
    digit = 2047
    while wanted > amounts[digit]:
        wanted -= amounts[digit]
        digit -= 1
    kept = 0
    for i in range(count):
        rank = ranks[i]
        left[kept] = rank
        kept += ((rank >> np.uint32(shift)) & np.uint32(2047)) == digit
    return kept, wanted
