"""The results as tables in a terminal."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from rich.console import Console
from rich.console import Group as Lines
from rich.table import Table
from rich.text import Text

from sah_core.cli.console import output_console, plain_table

from .groups import Group, grouped
from .problems import problems
from .results import Results
from .slices import slices
from .wording import duration, percent, plus_minus, ratio, signed

__all__ = ["print_results"]

ROWS = 200
"""How many rows of all tables are printed at most."""
PROBLEMS = 20
"""How many problems are printed at most."""


def print_results(results: Results, console: Console | None = None) -> None:
    """Print a table for each model, task, length and protocol, seeds averaged, and then what is missing.

    What would be too long to read is left out, and how much of it is said.
    """
    console = console or output_console()
    console.print(f"{results.name}: {len(results.cells)} cells: {results.counts}")
    rows = 0
    found = slices(grouped(results.cells))
    for number, part in enumerate(found):
        rows += len(part.groups)
        if rows > ROWS and number:
            console.print(f"\n{len(found) - number} more tables are in the page")
            break
        console.print()
        console.print(Lines(Text(part.title, style="bold"), _table(part.groups)))
    if results.shortened is not None:
        console.print(f"\n{results.shortened}")
    wrong = problems(results)
    if wrong:
        console.print(f"\n{len(wrong)} {'problem' if len(wrong) == 1 else 'problems'}:")
        for problem in wrong[:PROBLEMS]:
            console.print(f"- {problem}")
        if len(wrong) > PROBLEMS:
            console.print(f"and {len(wrong) - PROBLEMS} more, which the page names")


def _table(groups: Sequence[Group]) -> Table:
    table = plain_table("attention", "score", "minus dense", "density", "ms an answer", "of dense", "answered")
    for column in table.columns[1:]:
        column.justify = "right"
    for row in _rows(groups):
        table.add_row(*row)
    return table


def _rows(groups: Sequence[Group]) -> Iterator[tuple[str, ...]]:
    for group in groups:
        yield (
            group.attention,
            plus_minus(group.score, group.standard_error),
            signed(group.difference, group.difference_error),
            percent(group.density),
            duration(group.seconds, group.seconds_error),
            ratio(group.time_ratio),
            f"{group.answered} of {group.samples}",
        )
