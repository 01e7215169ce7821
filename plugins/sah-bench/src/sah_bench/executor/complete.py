"""Whether a cell has all that it can have."""

from __future__ import annotations

from sah_bench.plan.cell import Cell
from sah_bench.store.cell_files import CellFiles

__all__ = ["is_complete"]


def is_complete(files: CellFiles, cell: Cell) -> bool:
    """Whether every sample is answered, measured if that was asked for, and scored, and no line is damaged.

    ``scores.json`` is what a cell gets last, so nothing is half done where this is true. Reads files, changes none.
    """
    try:
        scores, identity = files.scores, files.identity
        answers, damaged = files.answers.read(), files.damaged
    except (OSError, ValueError):
        return False
    if identity is None or not isinstance(scores, dict) or scores.get("scorer") != cell.scorer:
        return False
    if None in scores.get("by_sample", [None]) or answers.torn or damaged:
        return False
    if cell.measure is not None and not files.measurements.exists():
        return False
    return [line["sample"] for line in answers.values] == list(range(cell.samples))
