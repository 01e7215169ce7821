"""What a scorer is: a function of an answer and its row."""

from __future__ import annotations

from collections.abc import Callable

from sah_bench.tasks.row import Row

__all__ = ["Scorer"]

Scorer = Callable[[str, Row], float | tuple[float, ...]]
"""``scorer(prediction, row)``: 0 (wrong) to 1 (right); any exception is recorded and costs no prediction.

A tuple, as long for every row, makes the geometric mean of its parts' means the score of the set: see `combined`.
"""
