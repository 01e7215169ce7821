"""Score answers again, without any model."""

from __future__ import annotations

from sah_bench.scoring.score import ScoringFailure, score_cell
from sah_bench.store.directory import ResultsDirectory
from sah_bench.tasks.table_file import read_table
from sah_core.errors import SahError, UsageError
from sah_core.plugins import Registry

__all__ = ["rescore"]


def rescore(directory: ResultsDirectory, registry: Registry | None = None) -> tuple[int, list[str]]:
    """Score every cell of the plan that has answers; how many were scored, and a sentence for each that was not.

    Scorers are looked up in ``registry`` (default: what is installed).

    A cell that another run is at is waited for. Raises UsageError where the directory has no plan, OSError where
    scores cannot be written.
    """
    if directory.plan is None:
        raise UsageError(f"{directory.path}: nothing was asked for yet: there is no plan.json")
    scored, problems = 0, []
    for line in {line["address"]: line for line in directory.plan["cells"]}.values():
        files = directory.cell(line["address"])
        if not files.answers.read().values:
            continue
        named = f"cell {line['address']} ({line['attention']}, {line['task']})"
        try:
            with directory.lock(line["address"]):
                scores = score_cell(files, read_table(directory.table(line["table"])), line["scorer"], registry)
        except SahError as error:
            problems.append(f"{named}: not scored: {error}")
            continue
        if isinstance(scores, ScoringFailure):
            problems.append(f"{named}: not scored: {scores.error}")
        else:
            scored += 1
    return scored, problems
