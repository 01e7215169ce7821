"""How far a run is: on a terminal alone, and counting what this run has to do."""

from __future__ import annotations

import io

import attrs
from rich.console import Console
from rich.progress import Progress

from sah_bench.executor.listener import Silent
from sah_bench.executor.progress import Shown, shown_progress
from sah_bench.plan.plan import Plan
from sah_bench.store.directory import ResultsDirectory

from .plans import MakePlan, attention


def small_plan(make: MakePlan, directory: ResultsDirectory) -> Plan:
    """Two cells of 8 samples each."""
    tasks = [{"kind": "needle", "samples": 8, "spacing": 8}]
    return make(directory, attention=["dense", attention("window")], tasks=tasks, lengths=[64])


def test_nothing_is_shown_where_there_is_no_terminal(make: MakePlan, results: ResultsDirectory) -> None:
    """The listener is a silent one."""
    console = Console(file=io.StringIO())
    with shown_progress(small_plan(make, results), console) as listener:
        assert isinstance(listener, Silent)


def test_cells_and_samples_are_counted(make: MakePlan, results: ResultsDirectory) -> None:
    """What is reused, or was answered before, or is given up, is no work of this run: 16 samples, less 8, 3 and 1."""
    plan = small_plan(make, results)
    dense, window = plan.cells
    console = Console(file=io.StringIO(), force_terminal=True, width=120)
    with Progress(console=console) as progress:
        shown = Shown(plan, progress)
        (bar,) = progress.tasks
        assert (bar.description, bar.completed, bar.total) == ("0/2 cells", 0, 16)
        shown.cell_ended(dense, "reused")
        assert (bar.description, bar.completed, bar.total) == ("1/2 cells", 0, 8)
        shown.cell_begun(window, 3)
        assert (bar.completed, bar.total) == (0, 5)
        line = progress.tasks[1]
        assert (line.description.strip(), line.completed, line.total) == (str(window), 3, 8)
        for sample in range(3, 7):
            shown.sample_answered(window, sample)
        assert (bar.completed, bar.total, line.completed) == (4, 5, 7)
        shown.cell_begun(window, 7)  # by another worker, after the first one was lost
        assert (bar.completed, bar.total, line.completed) == (4, 5, 7)
        shown.cell_ended(window, "incomplete")
        assert (bar.description, bar.completed, bar.total) == ("2/2 cells", 4, 4)
        assert progress.tasks == [bar]


def test_there_are_as_many_lines_as_there_is_room_for(make: MakePlan, results: ResultsDirectory) -> None:
    """Of 12 workers' cells on a terminal of 9 lines, 5 are shown; when two end, two others take their lines."""
    plan = small_plan(make, results)
    cells = tuple(attrs.evolve(plan.cells[0], task=f"task {number}", identity={"n": number}) for number in range(12))
    console = Console(file=io.StringIO(), force_terminal=True, width=120, height=9)
    with Progress(console=console) as progress:
        shown = Shown(attrs.evolve(plan, cells=cells), progress)
        for cell in cells:
            shown.cell_begun(cell, 0)
        assert len(progress.tasks) == 1 + 5
        assert progress.tasks[0].description == "0/12 cells, 7 more at work"
        shown.sample_answered(cells[5], 0)
        for cell in cells[:2]:
            shown.cell_ended(cell, "complete")
        assert len(progress.tasks) == 1 + 5
        taken = next(line for line in progress.tasks if line.description.strip() == str(cells[5]))
        assert (taken.completed, taken.total) == (1, 8)
        for cell in cells[2:]:
            shown.cell_ended(cell, "complete")
        assert len(progress.tasks) == 1


def test_a_terminal_shows_the_cell_and_what_is_noted(make: MakePlan, results: ResultsDirectory) -> None:
    """Names are text: brackets in them are no markup."""
    plan = small_plan(make, results)
    odd = attrs.evolve(plan.cells[0], task="[red]task")
    file = io.StringIO()
    with shown_progress(plan, Console(file=file, force_terminal=True, width=160)) as listener:
        listener.cell_begun(odd, 0)
        listener.note("a [note]")
    assert "[red]task" in file.getvalue()
    assert "a [note]" in file.getvalue()
