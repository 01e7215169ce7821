"""Several runs in one directory, each with a schedule of its own, which knows of the others' cells by their locks."""

from collections import Counter, deque
from collections.abc import Sequence

import pytest
from benchmarks.schedule.cells import crossed, planned

from sah_bench.executor.jobs import CellJob
from sah_bench.executor.schedule import Schedule
from sah_bench.plan.cell import Cell

CELLS = planned(
    crossed(["model"], [f"task {number}" for number in range(12)], [4096], 5), [str(n) for n in range(6)]
).cells


def read_by(runs: Sequence[Sequence[Cell]], places: int) -> Counter[str]:
    """How many workers came to read each table, if ``places`` workers of each run take turns, a cell at a time."""
    schedules = [Schedule(map(CellJob, cells), ()) for cells in runs]
    waiting = deque((run, place) for place in range(places) for run in range(len(runs)))
    last: dict[tuple[int, int], CellJob] = {}
    done: set[str] = set()
    at_work: deque[tuple[tuple[int, int], CellJob]] = deque()
    readers: set[tuple[int, int, str]] = set()
    while waiting or at_work:
        if not waiting:
            where, ended = at_work.popleft()
            schedules[where[0]].ended(ended)
            done.add(ended.address)
            waiting.append(where)
        where = waiting.popleft()
        job = schedules[where[0]].next(last.get(where))
        if not isinstance(job, CellJob):  # there is none
            continue
        last[where] = job
        if job.address in done or any(job.address == other.address for _, other in at_work):  # it has its lock, or did
            schedules[where[0]].ended(job)
            waiting.append(where)
        else:
            readers.add((*where, job.cell.table))
            at_work.append((where, job))
    assert done == {cell.address for cell in CELLS}
    return Counter(table for *_, table in readers)


def test_one_run_reads_each_table_once() -> None:
    """Six workers of one run share twelve tables out."""
    assert set(read_by([CELLS], 6).values()) == {1}


def test_runs_of_the_same_plan_read_the_same_tables() -> None:
    """As many workers of three runs all begin at the same tables, and each of those is read by every run."""
    readers = read_by([CELLS] * 3, 2)
    assert sum(readers.values()) >= 2 * len(readers)


@pytest.mark.parametrize("parts", [2, 3])
def test_runs_of_their_own_tables_read_each_once(parts: int) -> None:
    """Which is what docs/scale.md advises: tasks, lengths or seeds shared out between the configs."""
    per = len(CELLS) // parts
    readers = read_by([CELLS[part * per : (part + 1) * per] for part in range(parts)], 2)
    assert set(readers.values()) == {1}
