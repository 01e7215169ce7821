"""How far a run is, on a terminal."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

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


class Shown:
    """A bar of the samples that this run has to answer, and beside it how many cells are done and which is at work."""

    def __init__(self, plan: Plan, progress: Progress) -> None:
        self._progress = progress
        self._cells = {cell.address: cell for cell in plan.cells}
        self._done = 0
        self._left = {address: cell.samples for address, cell in self._cells.items()}
        self._bar = progress.add_task(self._said(""), total=sum(self._left.values()))

    def cell_begun(self, cell: Cell, answered: int) -> None:
        """Show the cell; what earlier runs answered is no work of this one."""
        self._leave_out(cell.samples - answered, cell)
        self._progress.update(self._bar, description=self._said(str(cell)))

    def sample_answered(self, cell: Cell, sample: int) -> None:
        """Go on by one."""
        self._left[cell.address] -= 1
        self._progress.advance(self._bar)

    def cell_ended(self, cell: Cell, status: Status) -> None:
        """Count the cell; what of it was not asked will not be."""
        self._leave_out(0, cell)
        self._done += 1
        self._progress.update(self._bar, description=self._said(""))

    def note(self, text: str) -> None:
        """Print it above the bar."""
        self._progress.console.print(text, markup=False, highlight=False)

    def _leave_out(self, left: int, cell: Cell) -> None:
        """So many samples of the cell are left; the others of it are no longer waited for."""
        dropped = self._left[cell.address] - left
        self._left[cell.address] = left
        total = self._progress.tasks[self._bar].total or 0
        self._progress.update(self._bar, total=total - dropped)

    def _said(self, cell: str) -> str:
        return f"{self._done}/{len(self._cells)} cells  {cell}"
