"""Which job comes next: all of them once, none before its time, and those of one table together."""

from __future__ import annotations

import attrs
from hypothesis import given
from hypothesis import strategies as st

from sah_bench.executor.jobs import CalibrationJob, CellJob, Job
from sah_bench.executor.schedule import Schedule
from sah_bench.plan.calibration import Calibration
from sah_bench.plan.cell import Cell
from sah_core import ModelConfig
from sah_core.config.options import Options

MODEL = ModelConfig(name="needle")
CELL = Cell(MODEL, "dense", None, "dense", "task", None, 0, 1, "table", "exact", Options(), "refuse", {})


def cell(number: int, table: int = 0, calibration: int | None = None) -> CellJob:
    """A cell of its own, that asks a table and may need a calibration."""
    needs = None if calibration is None else learning(calibration).address
    return CellJob(attrs.evolve(CELL, table=str(table), calibration=needs, identity={"cell": number}))


def learning(number: int) -> Calibration:
    return Calibration(MODEL, (), (), 8, 1, {"calibration": number})


CELLS = st.lists(st.tuples(st.integers(0, 3), st.none() | st.integers(0, 1)), max_size=12)


@given(CELLS, st.integers(1, 3), st.data())
def test_every_job_is_done_once_and_none_too_early(
    asked: list[tuple[int, int | None]], places: int, data: st.DataObject
) -> None:
    """Whatever happens: interruptions, locks, calibrations that fail, in any order."""
    jobs = [cell(number, table, calibration) for number, (table, calibration) in enumerate(asked)]
    schedule = Schedule(jobs, [learning(0), learning(1), learning(2)])
    running: dict[int, Job] = {}
    last: dict[int, Job] = {}
    done: list[str] = []
    abandoned: list[str] = []
    troubles = 10
    while True:
        for place in range(places):
            job = None if place in running else schedule.next(last.get(place))
            if job is not None:
                running[place] = last[place] = job
                if isinstance(job, CellJob):
                    assert job.cell.calibration is None or job.cell.calibration in done
        if not running:
            break
        place = data.draw(st.sampled_from(sorted(running)))
        job = running.pop(place)
        schedule.ended(job)
        trouble = data.draw(st.sampled_from(["none", "again", "locked", "failed"])) if troubles else "none"
        troubles -= trouble != "none"
        if trouble == "again":
            schedule.again(job)
        elif trouble == "locked":
            schedule.put_off(job)
        elif isinstance(job, CalibrationJob) and trouble == "failed":
            abandoned += [waiting.address for waiting in schedule.abandoned(job.address)]
        else:
            done.append(job.address)
            if isinstance(job, CalibrationJob):
                schedule.learned(job.address)
    cells = [job.address for job in jobs]
    assert sorted(address for address in [*done, *abandoned] if address in cells) == sorted(cells)
    needed = {job.cell.calibration for job in jobs} - {None}
    assert set(done) - set(cells) <= needed, "a calibration that no cell needs is not made"


def test_workers_keep_to_their_tables() -> None:
    """Of two tables, the first worker takes the one and the second the other, and then each goes on with its own."""
    jobs = [cell(number, table) for number, table in enumerate([0, 0, 1, 1])]
    schedule = Schedule(jobs, [])
    one, other = schedule.next(None), schedule.next(None)
    assert [one, other] == [jobs[0], jobs[2]]
    assert schedule.next(other) == jobs[3]
    assert schedule.next(other) == jobs[1]
    assert schedule.next(other) is None
    assert not schedule.left


def test_workers_keep_to_their_model_and_share_the_longest_table() -> None:
    """A worker that is done with its table takes a free one of its model, a free one, one of its model that others
    are at, the longest of what is left.

    Three tables of the first model have 1, 3 and 1 cells, two of the second 3 and 4.
    """
    jobs = [cell(number, table) for number, table in enumerate([0, 1, 1, 1, 2, 3, 3, 3, 4, 4, 4, 4])]
    jobs[5:] = [CellJob(attrs.evolve(job.cell, model=ModelConfig(name="other"))) for job in jobs[5:]]
    schedule = Schedule(jobs, [])
    first, second = schedule.next(None), schedule.next(None)
    assert [first, second] == [jobs[0], jobs[1]]
    third = schedule.next(first)
    assert third == jobs[4], "a free table of its model"
    assert [schedule.next(third), schedule.next(third)] == [jobs[5], jobs[8]], "free tables of another"
    assert [schedule.next(third), schedule.next(third)] == [jobs[2], jobs[3]], "what is left of its model"
    assert schedule.next(third) == jobs[9], "of 2 cells for a worker and 3 for a worker, the latter"


def test_a_table_is_free_again_when_its_worker_left() -> None:
    """A worker that ended counts no more."""
    jobs = [cell(number, table) for number, table in enumerate([0, 0, 1, 1, 1])]
    schedule = Schedule(jobs, [])
    first, second = schedule.next(None), schedule.next(None)
    assert (first, second) == (jobs[0], jobs[2])
    schedule.ended(jobs[0])
    assert schedule.next(None) == jobs[1]


def test_an_interrupted_job_is_next_and_a_locked_one_last() -> None:
    """Both with patience: for the end of a worker that had it, and as there is nothing else to do."""
    jobs = [cell(number) for number in range(3)]
    schedule = Schedule(jobs, [])
    first, second = schedule.next(None), schedule.next(None)
    assert (first, second) == (jobs[0], jobs[1])
    for job in (jobs[0], jobs[1]):
        schedule.ended(job)
    schedule.put_off(jobs[0])
    schedule.again(jobs[1])
    given = [job for job in (schedule.next(None) for _ in range(3)) if job is not None]
    assert [attrs.evolve(job, patience=0.0) for job in given] == [jobs[1], jobs[2], jobs[0]]
    assert [job.patience > 0 for job in given] == [True, False, True]
