"""The executor on simulated devices: what it gives to whom, and what it needs for that."""

import tracemalloc
from collections import Counter

import attrs
import pytest
from benchmarks.schedule.cells import crossed, planned
from benchmarks.schedule.memory import MemoryAt
from benchmarks.schedule.simulated import SimulatedWorkers
from benchmarks.schedule.simulation import Simulated, simulate
from hypothesis import given
from hypothesis import strategies as st

from sah_bench.executor.jobs import CellJob, Job
from sah_bench.plan.cell import Cell
from sah_bench.plan.plan import Plan

TASKS = [f"task {number}" for number in range(13)]


@attrs.frozen
class Taking:
    """Seconds in proportion to the length; contexts are kept unless they are long."""

    longest_kept: int = 10**9

    def start(self) -> float:
        return 5.0

    def load(self, cell: Cell) -> float:
        return 60.0

    def read(self, cell: Cell) -> float:
        return (cell.length or 0) / 1000

    def answer(self, cell: Cell) -> float:
        return 2.0

    def keeps(self, cell: Cell) -> bool:
        return (cell.length or 0) <= self.longest_kept


@attrs.define(eq=False)
class Noting(SimulatedWorkers):
    """Notes which cells were given to which place, in order; refuses a busy one, as all simulated workers do."""

    given: list[tuple[int, Cell]] = attrs.field(factory=list)

    def give(self, place: int, job: Job) -> None:
        super().give(place, job)
        assert isinstance(job, CellJob)
        self.given.append((place, job.cell))


def leaderboard(models: int, lengths: list[int], samples: int, seeds: int, methods: int) -> Plan:
    """All cells of a cross."""
    tables = crossed([f"model {number}" for number in range(models)], TASKS, lengths, samples, seeds)
    return planned(tables, [f"method {number}" for number in range(methods)])


def run(plan: Plan, workers: Noting) -> Simulated:
    """A run in which nothing fails."""
    ran = simulate(plan, workers)
    assert ran.outcome.problems == ()
    assert ran.outcome.complete == len(plan.cells)
    return ran


def test_every_cell_is_done_once() -> None:
    """520 cells on 64 devices: each given once, none to a place that has one, all devices used to the end."""
    plan = leaderboard(models=2, lengths=[4096, 32768], samples=4, seeds=1, methods=10)
    workers = Noting(64, Taking())
    ran = run(plan, workers)
    assert Counter(cell.address for _, cell in workers.given) == Counter(cell.address for cell in plan.cells)
    assert len(plan.cells) == 520
    assert len({place for place, _ in workers.given}) == 64
    assert workers.starts == 64
    assert 0 <= ran.idle < 0.5


def test_a_busy_place_is_refused() -> None:
    """The simulation would not let a mistake of the schedule pass."""
    plan = leaderboard(models=1, lengths=[4096], samples=1, seeds=1, methods=1)
    workers = SimulatedWorkers(1, Taking())
    workers.give(0, CellJob(plan.cells[0]))
    with pytest.raises(ValueError, match="a cell for a free place is expected"):
        workers.give(0, CellJob(plan.cells[1]))


def test_contexts_are_read_once_where_tables_are_more_than_devices() -> None:
    """78 tables on 8 devices: one that joins another's table near the end reads it again, and nothing else does."""
    plan = leaderboard(models=1, lengths=[4096, 8192], samples=5, seeds=3, methods=6)
    tables = {cell.table: cell.samples for cell in plan.cells}
    for longest, least in ((10**9, sum(tables.values())), (4096, sum(tables.values()) // 2 * 7)):
        workers = Noting(8, Taking(longest))
        run(plan, workers)
        assert least <= workers.reads <= least + 8 * 5 * 2


def test_models_are_loaded_once_by_each_device() -> None:
    """A worker stays with its model while that has cells, so it never loads one twice."""
    plan = leaderboard(models=3, lengths=[4096, 8192], samples=2, seeds=1, methods=6)
    workers = Noting(16, Taking())
    run(plan, workers)
    loaded = {(place, cell.model) for place, cell in workers.given}
    assert workers.loads == len(loaded)
    assert 16 <= workers.loads <= 3 * 16


def test_lost_workers_cost_their_rest_alone() -> None:
    """A cell whose worker is lost goes on where it was with another one; the seed loses none of them twice."""
    plan = leaderboard(models=1, lengths=[4096], samples=5, seeds=2, methods=10)
    undisturbed = run(plan, Noting(16, Taking(), jitter=0.0))
    workers = Noting(16, Taking(), jitter=0.0, lost=0.05)
    run(plan, workers)
    lost = workers.starts - 16
    assert lost > 3
    assert len(workers.given) == len(plan.cells) + lost
    assert workers.cell_seconds >= undisturbed.workers.cell_seconds


@given(devices=st.integers(1, 40), methods=st.integers(1, 6), each_sample=st.booleans(), seed=st.integers(0, 5))
def test_work_is_neither_lost_nor_invented(devices: int, methods: int, each_sample: bool, seed: int) -> None:
    """Devices are busy for their starts, loads and cells, however much is told of samples; and within the run."""
    plan = leaderboard(models=2, lengths=[1024], samples=2, seeds=1, methods=methods)
    workers = Noting(devices, Taking(), each_sample=each_sample, seed=seed)
    ran = run(plan, workers)
    assert workers.busy == pytest.approx(5 * workers.starts + 60 * workers.loads + workers.cell_seconds)
    assert workers.busy <= ran.wall * devices * (1 + 1e-9)
    assert ran.outcome.cell_seconds == pytest.approx(workers.cell_seconds)


def test_memory_stays_as_it_is() -> None:
    """What Python holds after a fifth of the cells and after all of them differs by less than 50 bytes a cell."""
    plan = leaderboard(models=2, lengths=[4096, 32768], samples=2, seeds=1, methods=20)
    memory = MemoryAt((len(plan.cells) // 5, len(plan.cells)))
    tracemalloc.start()
    try:
        simulate(plan, SimulatedWorkers(64, Taking()), memory)
    finally:
        tracemalloc.stop()
    first, last = memory.held
    assert last.traced - first.traced < 50 * len(plan.cells) * 4 / 5
