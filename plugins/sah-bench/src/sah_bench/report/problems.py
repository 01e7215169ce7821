"""What is not as it should be, in sentences."""

from __future__ import annotations

from collections.abc import Iterator

from .cell_result import CellResult
from .results import Results

__all__ = ["problems"]


def problems(results: Results) -> list[str]:
    """What failed, is missing, has no score or was damaged: a sentence each, the cell named, failed cells first."""
    order = {"failed": 0, "incomplete": 1, "missing": 2, "complete": 3}
    cells = sorted(results.cells, key=lambda cell: order[cell.status])  # sorts stably: the plan's order stays
    return [f"{cell}: {what}" for cell in cells for what in _problems(cell)]


def _problems(cell: CellResult) -> Iterator[str]:
    if cell.status == "failed":
        yield f"failed with {cell.answered} of {cell.samples} answered: {cell.failure}"
    elif cell.status == "incomplete":
        yield f"incomplete: {cell.answered} of {cell.samples} answered"
    elif cell.status == "missing":
        yield "missing: not begun"
    if cell.score_error is not None:
        yield f"not scored: {cell.score_error}"
    elif cell.status == "complete" and cell.score is None:
        yield "not scored"
    if cell.damaged:
        yield f"damaged lines: {', '.join(cell.damaged)}"
    if cell.set_aside:
        yield f"damaged lines were set aside, and their samples asked again: {', '.join(cell.set_aside)}"
