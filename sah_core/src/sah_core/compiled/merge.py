"""Two sorted rows as one."""

from __future__ import annotations

from .jit import jit
from .memory import Array

__all__ = ["merge"]


@jit
def merge(
    first: int,
    last: int,
    one: Array,
    one_probs: Array,
    other: Array,
    other_probs: Array,
    keys: int,
    both: Array,
    both_probs: Array,
    counts: Array,
) -> None:
    """Of rows ``first`` to ``last``: the keys of ``one`` (r, m) and ``other`` (r, n) in order, and how many they are.

    Keys of ``keys`` and more are padding, and fill the rest of ``both`` (r, m + n). A key of both is there once, with
    the larger probability. Probabilities have the shape of their keys, or no rows where all are 1.
    """
    m, n = one.shape[1], other.shape[1]
    for r in range(first, last):
        i = j = count = 0
        while True:
            a = one[r, i] if i < m else keys
            b = other[r, j] if j < n else keys
            key = min(a, b)
            if key >= keys:
                break
            both[r, count] = key
            if both_probs.shape[0] > 0:
                of_one = 0.0 if a > key else one_probs[r, i] if one_probs.shape[0] > 0 else 1.0
                of_other = 0.0 if b > key else other_probs[r, j] if other_probs.shape[0] > 0 else 1.0
                both_probs[r, count] = max(of_one, of_other)
            i += a == key
            j += b == key
            count += 1
        counts[r] = count
        both[r, count:] = keys
        if both_probs.shape[0] > 0:
            both_probs[r, count:] = 0
