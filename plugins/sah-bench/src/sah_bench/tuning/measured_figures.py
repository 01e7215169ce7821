"""From the cells of a config to its `Figures`, and from two configs' cells to their difference in score."""

from __future__ import annotations

from collections.abc import Sequence

import attrs

from sah_bench.report.cell_result import CellResult
from sah_bench.report.groups import Group, grouped
from sah_bench.scoring.score import Scores, paired_difference
from sah_bench.store.directory import ResultsDirectory

from .result import Figures

__all__ = ["difference", "figures_of", "trouble"]


def trouble(cells: Sequence[CellResult]) -> str | None:
    """Why a config has no figures: the first of its cells that failed or has no score; None where all are fine."""
    for cell in cells:
        where = "" if cell.length is None else f" at {cell.length}"
        if cell.status != "complete":
            said = cell.failure or f"{cell.answered} of {cell.samples} answered"
            return f"{cell.task}{where}, seed {cell.seed}: {said}"
        if cell.score is None or cell.seconds is None:
            return f"{cell.task}{where}, seed {cell.seed}: {cell.score_error or 'not scored'}"
    return None


def figures_of(cells: Sequence[CellResult]) -> Figures:
    """What complete cells of one config say of it: means over tasks, lengths and seeds, all cells alike."""
    group = _as_one(cells)
    if group.score is None or group.seconds is None:
        raise ValueError("figures are of cells that are complete, see `trouble`")
    return Figures(
        samples=group.answered,
        score=group.score,
        stderr=group.standard_error,
        density=group.density,
        seconds=group.seconds,
        megabytes=max(cell.index_bytes or 0 for cell in cells) / 1e6,
    )


def difference(
    directory: ResultsDirectory, cells: Sequence[CellResult], others: Sequence[CellResult]
) -> tuple[float, float | None]:
    """The score of ``cells`` less that of ``others``, and its standard error, on the same samples.

    Both have the same tables in the same order, and are complete.
    """
    compared = []
    for cell, other in zip(cells, others, strict=True):
        found = paired_difference(_scores(directory, cell), _scores(directory, other))
        if found is None:
            raise ValueError(f"{cell} and {other} were not asked the same")
        compared.append(attrs.evolve(cell, difference=found[0], difference_error=found[1]))
    group = _as_one(compared)
    return group.difference or 0.0, group.difference_error


def _as_one(cells: Sequence[CellResult]) -> Group:
    """Their averages, as if all were seeds of one task."""
    (group,) = grouped(attrs.evolve(cell, attention="", protocol="", task="", length=None) for cell in cells)
    return group


def _scores(directory: ResultsDirectory, cell: CellResult) -> Scores:
    found = directory.cell(cell.address).scores
    if found is None:
        raise ValueError(f"{cell} has no scores")
    return Scores.from_dict(found)
