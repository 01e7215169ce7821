"""Whether a cell has all that it can have."""

from __future__ import annotations

from typing import Any

from sah_bench.plan.cell import Cell
from sah_bench.store.cell_files import CellFiles
from sah_core.errors import SahError
from sah_core.plugins import default_registry

__all__ = ["is_complete"]


def is_complete(files: CellFiles, cell: Cell) -> bool:
    """Whether every sample is answered, measured if that was asked for, and scored as it would be now.

    No line is damaged, and nothing is half done, as ``scores.json`` is what a cell gets last. Nothing is changed.
    """
    try:
        scores, identity = files.scores, files.identity
        answers, damaged = files.answers.read(), files.damaged
    except (OSError, ValueError):
        return False
    if identity is None or not isinstance(scores, dict) or not _is_from(scores, cell.scorer):
        return False
    if None in scores.get("by_sample", [None]) or answers.torn or damaged:
        return False
    if cell.measure is not None and not files.measurements.exists():
        return False
    return [line["sample"] for line in answers.values] == list(range(cell.samples))


def _is_from(scores: dict[str, Any], scorer: str) -> bool:
    """Whether a scorer gave these scores, in the version that is installed."""
    try:
        record = default_registry().scorers.record(scorer)
    except SahError:
        return False  # to be told by who scores
    now = (scorer, record.distribution, record.version)
    return (scores.get("scorer"), scores.get("distribution"), scores.get("version")) == now
