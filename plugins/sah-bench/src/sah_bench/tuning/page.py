"""The page of a study: one file that holds its data, its charts and what draws them, and asks no network."""

from __future__ import annotations

from pathlib import Path

from sah_bench.report.html import html
from sah_bench.report.wording import plus_minus, signed
from sah_bench.store.whole_files import write_whole
from sah_core.errors import UsageError

from .page_data import page_data
from .result import Confirmed, Cost, Figures, TuningResult
from .wording import COSTS, changes, said_budget, said_change, said_of, said_range, said_trials, said_value

__all__ = ["page", "write_page"]

_SCRIPTS = tuple(f"{name}.js" for name in ("data", "elements", "wording", "charts", "table", "tuning"))


def write_page(result: TuningResult, path: Path) -> None:
    """Write the page. Raises UsageError where the file cannot be written."""
    try:
        write_whole(path, page(result).encode())
    except OSError as error:
        where = error.filename or path
        raise UsageError(f"{where}: the page cannot be written: {error.strerror or error}") from error


def page(result: TuningResult) -> str:
    """The page's HTML; whatever a name or a message holds, it is shown as text."""

    def over(cost: Cost, figures: Figures | None) -> bool:
        return figures is not None and cost == result.of and figures.cost(cost) > result.budget

    return html(
        "sah_bench.tuning",
        "tuning.html.jinja",
        title=result.name,
        styles=["page.css", "tuning.css"],
        scripts=_SCRIPTS,
        data=page_data(result),
        result=result,
        budget=said_budget(result.of, result.budget),
        costs=COSTS,
        unseen=_unseen(result),
        said_score=_said_score,
        verdict=_verdict,
        over=over,
        signed=signed,
        said_of=said_of,
        changes=changes,
        said_change=said_change,
        said_range=said_range,
        said_trials=said_trials,
        said_value=said_value,
    )


def _said_score(figures: Figures | None) -> str:
    return plus_minus(None, None) if figures is None else plus_minus(figures.score, figures.stderr)


def _verdict(confirmed: Confirmed) -> str:
    """A class for a difference that is more than twice its error."""
    if confirmed.stderr is None or abs(confirmed.difference) <= 2 * confirmed.stderr:
        return ""
    return "status complete" if confirmed.difference > 0 else "status failed"


def _unseen(result: TuningResult) -> str:
    """How many samples were asked, where it is the same for all."""
    figures = [each.confirmed.tuned for each in result.methods if each.confirmed is not None]
    counts = {each.samples for each in [*figures, *([result.dense] if result.dense else [])]}
    return f"Each config was asked {counts.pop():,} samples. " if len(counts) == 1 else ""
