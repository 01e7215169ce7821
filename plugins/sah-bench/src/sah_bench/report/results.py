"""`Results`: a results directory in numbers, a cell at a time and beside dense attention."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import attrs
from attrs import frozen

from sah_bench.scoring.score import Scores, paired_difference
from sah_bench.store.directory import ResultsDirectory
from sah_core.errors import UsageError

from .cell_result import STATUSES, CellResult, Status
from .read_cell import labels, read_cell

__all__ = ["Results", "read_results"]


@frozen
class Results:
    """What was asked for, and what is known of it; cells in the order of the plan."""

    name: str
    benchmark: Mapping[str, Any]
    """The config, as JSON."""
    cells: tuple[CellResult, ...]

    def count(self, status: Status) -> int:
        """How many cells have this status."""
        return sum(1 for cell in self.cells if cell.status == status)

    @property
    def counts(self) -> str:
        """How many cells have which status, such as ``12 complete, 1 failed``."""
        return ", ".join(f"{self.count(status)} {status}" for status in STATUSES if self.count(status)) or "none"

    @property
    def shortened(self) -> str | None:
        """How many contexts were cut to fit their model, in a sentence; None where none was."""
        cut = [cell.cut_samples for cell in self.cells if cell.cut_samples]
        if not cut:
            return None
        samples = "1 sample" if sum(cut) == 1 else f"{sum(cut)} samples"
        cells = "1 cell" if len(cut) == 1 else f"{len(cut)} cells"
        return f"the middle of the context was left out in {samples} of {cells}, as it was longer than the model takes"


def read_results(directory: ResultsDirectory) -> Results:
    """Read everything; cells of the plan alone, so what an earlier plan left in the directory does not show.

    Two lines of the plan may have one address: both show. A file of a cell that cannot be read makes that cell failed.
    Raises UsageError where there is no plan, or one that cannot be read.
    """
    where = directory.path / "plan.json"
    try:
        plan = directory.plan
        if plan is None:
            raise UsageError(f"{directory.path}: nothing was asked for yet (there is no plan.json): run sah bench")
        lines: Sequence[Mapping[str, Any]] = plan["cells"]
        read = {line["address"]: read_cell(directory.cell(line["address"]), line) for line in lines}
        cells = [_labelled(*read[line["address"]], line) for line in lines]
        found = {address: scores for address, (_, scores) in read.items()}
        return Results(str(plan["name"]), plan.get("benchmark") or {}, tuple(_compared(cells, found)))
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        reason = f"it has no {error}" if isinstance(error, KeyError) else str(error)
        raise UsageError(f"{where}: cannot be read: {reason}; sah bench writes it anew") from error


def _labelled(cell: CellResult, scores: Scores | None, line: Mapping[str, Any]) -> CellResult:
    """The cell as this line of the plan calls it, without its score if another scorer gave it."""
    cell = attrs.evolve(cell, **labels(line))
    if scores is None or scores.scorer == cell.scorer:
        return cell
    reason = f"its scores are of {scores.scorer!r}, and the plan asks for {cell.scorer!r}"
    return attrs.evolve(cell, score=None, standard_error=None, contexts=None, score_error=reason)


def _compared(cells: Sequence[CellResult], scores: Mapping[str, Scores | None]) -> list[CellResult]:
    dense = {cell.pair: cell for cell in reversed(cells) if cell.protocol == "dense"}
    return [_beside(cell, dense.get(cell.pair), scores) for cell in cells]


def _beside(cell: CellResult, dense: CellResult | None, scores: Mapping[str, Scores | None]) -> CellResult:
    if dense is None or cell.protocol == "dense":
        return cell
    ratio = cell.seconds / dense.seconds if cell.seconds is not None and dense.seconds else None
    own, other = scores[cell.address], scores[dense.address]
    cell = attrs.evolve(cell, time_ratio=ratio)
    if own is None or other is None or cell.score is None or dense.score is None:
        return cell
    value, error = paired_difference(own, other) or (None, None)
    return attrs.evolve(cell, difference=value, difference_error=error)
