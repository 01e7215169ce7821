"""How far a run is, on a terminal."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TaskID, TextColumn, TimeRemainingColumn

from sah_bench.plan.cell import Cell

from .listener import Listener, Silent
from .outcome import Status

if TYPE_CHECKING:
    from sah_bench.plan.plan import Plan

__all__ = ["Shown", "shown_progress"]


@contextmanager
def shown_progress(plan: Plan, console: Console | None = None) -> Iterator[Listener]:
    """A listener that shows cells, samples and the time left on stderr, if that is a terminal; else a silent one."""
    console = Console(stderr=True) if console is None else console
    if not console.is_terminal:
        yield Silent()
        return
    columns = (
        TextColumn("{task.description}", markup=False),
        BarColumn(bar_width=24),
        MofNCompleteColumn(),
        TimeRemainingColumn(),
    )
    with Progress(*columns, console=console, transient=True) as progress:
        yield Shown(plan, progress)


_ROOM = 4
"""Lines of a terminal that are left to what stood there before."""


class Shown:
    """A bar of the samples that this run has to answer, beside it how many cells are done, and below it those at work.

    There is a line for each worker's cell, as many as the terminal is high; of the others, their number.
    """

    def __init__(self, plan: Plan, progress: Progress) -> None:
        self._progress = progress
        self._cells = {cell.address: cell for cell in plan.cells}
        self._done = 0
        self._left = {address: cell.samples for address, cell in self._cells.items()}
        self._at_work: dict[str, Cell] = {}
        self._lines: dict[str, TaskID] = {}
        self._bar = progress.add_task(self._said(), total=sum(self._left.values()))

    def cell_begun(self, cell: Cell, answered: int) -> None:
        """Show the cell; what earlier runs answered is no work of this one."""
        self._leave_out(cell.samples - answered, cell)
        self._at_work[cell.address] = cell
        if cell.address in self._lines:
            self._progress.update(self._lines[cell.address], completed=answered)
        self._draw()

    def sample_answered(self, cell: Cell, sample: int) -> None:
        """Go on by one."""
        self._left[cell.address] -= 1
        self._progress.advance(self._bar)
        if cell.address in self._lines:
            self._progress.advance(self._lines[cell.address])

    def cell_ended(self, cell: Cell, status: Status) -> None:
        """Count the cell; what of it was not asked will not be."""
        self._leave_out(0, cell)
        self._done += 1
        self._at_work.pop(cell.address, None)
        if cell.address in self._lines:
            self._progress.remove_task(self._lines.pop(cell.address))
        self._draw()

    def note(self, text: str) -> None:
        """Print it above the bar."""
        self._progress.console.print(text, markup=False, highlight=False)

    def _leave_out(self, left: int, cell: Cell) -> None:
        """So many samples of the cell are left; the others of it are no longer waited for."""
        dropped = self._left[cell.address] - left
        self._left[cell.address] = left
        total = self._progress.tasks[self._bar].total or 0
        self._progress.update(self._bar, total=total - dropped)

    def _draw(self) -> None:
        """A line for each cell at work that has none, as long as there is room."""
        room = max(1, self._progress.console.height - _ROOM)
        for address, cell in self._at_work.items():
            if len(self._lines) >= room:
                break
            if address not in self._lines:
                done = cell.samples - self._left[address]
                self._lines[address] = self._progress.add_task(f"  {cell}", total=cell.samples, completed=done)
        self._progress.update(self._bar, description=self._said())

    def _said(self) -> str:
        more = len(self._at_work) - len(self._lines)
        return f"{self._done}/{len(self._cells)} cells" + (f", {more} more at work" if more else "")
