"""Stored rows serve more rows than they are: how a small tensor stands for a large one.

A mask of logical shape (b, h, q, k) may store fewer rows, (sb, sh, sq, ...): sb is b or 1, sq is q or 1, and sh is any
divisor of h, stored head i serving the h / sh consecutive heads of its group.
"""

from __future__ import annotations

from math import lcm

from torch import Tensor

Rows = tuple[int, int, int]
"""Batch, heads and queries of stored rows."""


def serves(stored: Rows, rows: Rows) -> bool:
    """Whether stored rows of this shape can stand for rows of that shape."""
    batch, heads, queries = stored
    return batch in (1, rows[0]) and heads > 0 and rows[1] % heads == 0 and queries in (1, rows[2])


def refinement(first: Rows, second: Rows) -> Rows:
    """The coarsest rows that both can be expanded to."""
    return max(first[0], second[0]), lcm(first[1], second[1]), max(first[2], second[2])


def expand_rows(stored: Tensor, rows: Rows) -> Tensor:
    """Repeat stored rows (sb, sh, sq, ...) to (b, h, q, ...); the result may share memory with ``stored``."""
    batch, heads, queries = rows
    rest = stored.shape[3:]
    groups = stored.shape[1]
    if groups not in (1, heads):
        stored = stored.unsqueeze(2).expand(-1, -1, heads // groups, *stored.shape[2:]).flatten(1, 2)
    return stored.expand(batch, heads, queries, *rest)
