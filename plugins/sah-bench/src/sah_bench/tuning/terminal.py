"""What a study found as a table in a terminal."""

from __future__ import annotations

from collections.abc import Iterator

from rich.console import Console

from sah_bench.report.wording import plus_minus, signed
from sah_core.cli.console import output_console, plain_table

from .result import Figures, MethodResult, TuningResult
from .wording import COSTS, changes, said_budget, said_change, said_of, said_trials

__all__ = ["print_tuning"]


def print_tuning(result: TuningResult, console: Console | None = None) -> None:
    """Print a row for each method, on samples that no trial saw, and then a line for each of what was tuned.

    A cost above the budget has an ``(over)`` behind it.
    """
    console = console or output_console()
    console.print(f"{result.name}: {result.model}, {result.asked}; {said_budget(result.of, result.budget)}")
    console.print()
    cost = COSTS[result.of]
    table = plain_table("method", "start", "tuned", "tuned minus start", f"{cost}, start", "tuned", "trials")
    for column in table.columns[1:-1]:
        column.justify = "right"
    for row in _rows(result):
        table.add_row(*row)
    console.print(table)
    console.print()
    for method in result.methods:
        console.print(f"{method.name}: {_tuned(method)}")


def _rows(result: TuningResult) -> Iterator[tuple[str, ...]]:
    for method in result.methods:
        found = method.confirmed
        start, tuned = (None, None) if found is None else (found.start, found.tuned)
        yield (
            method.name,
            _score(start),
            _score(tuned),
            signed(None, None) if found is None else signed(found.difference, found.stderr),
            _cost(result, start),
            _cost(result, tuned),
            said_trials(method),
        )
    if result.dense is not None:
        yield "dense", _score(result.dense), "", "", said_of(result.of, result.dense), "", ""


def _cost(result: TuningResult, figures: Figures | None) -> str:
    over = figures is not None and figures.cost(result.of) > result.budget
    return f"{said_of(result.of, figures)}{' (over)' if over else ''}"


def _score(figures: Figures | None) -> str:
    return plus_minus(None, None) if figures is None else plus_minus(figures.score, figures.stderr)


def _tuned(method: MethodResult) -> str:
    if method.problem is not None:
        return method.problem
    return ", ".join(said_change(change) for change in changes(method)) or "no trial was better than the start"
