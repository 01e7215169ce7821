"""`SimulatedWorkers`: places whose work takes no time but on a clock of their own, which jumps from event to event."""

from __future__ import annotations

import random
import time
from collections.abc import Collection
from heapq import heapify, heappop, heappush
from typing import Protocol

import attrs

from sah_bench.executor.events import CellBegun, Event, JobEnded, SampleAnswered, SampleBegun, WorkerLost
from sah_bench.executor.jobs import CellJob, Job
from sah_bench.executor.workers import Workers
from sah_bench.plan.cell import Cell

__all__ = ["SimulatedWorkers", "Taking"]


class Taking(Protocol):
    """How many seconds things take."""

    def start(self) -> float:
        """A worker's process."""

    def load(self, cell: Cell) -> float:
        """The cell's model."""

    def read(self, cell: Cell) -> float:
        """The context of a sample."""

    def answer(self, cell: Cell) -> float:
        """A sample whose context was read."""

    def keeps(self, cell: Cell) -> bool:
        """Whether all contexts of the cell's table stay in a worker's memory until the next cell asks for them."""


@attrs.define(eq=False)
class _Place:
    """A worker: what it has at hand, and what it is about to tell."""

    events: list[tuple[float, Event]] = attrs.field(factory=list)
    """That are still to come, the next one last, each so many seconds after the one before it."""
    started: bool = False
    model: object = None
    table: object = None


@attrs.define(eq=False)
class SimulatedWorkers(Workers):
    """So many places, all free at first.

    A sample takes what ``taking`` says, give or take a share of ``jitter``. A share of ``lost`` jobs cost their worker,
    somewhere between its first sample and its last; its answers stay.
    """

    places: int
    taking: Taking
    jitter: float = 0.2
    lost: float = 0.0
    each_sample: bool = True
    """Whether each sample is told of, or cells alone, which is faster."""
    seed: int = 0
    now: float = 0.0
    """Seconds on the clock of the simulation."""
    busy: float = 0.0
    """Seconds that places had a job."""
    cell_seconds: float = 0.0
    loads: int = 0
    reads: int = 0
    starts: int = 0
    events: int = 0
    """That were told."""
    waiting: float = 0.0
    """Real seconds spent in here."""
    _free: dict[int, None] = attrs.field(init=False)
    _at: dict[int, _Place] = attrs.field(init=False)
    _answered: dict[str, int] = attrs.field(factory=dict, init=False)
    _next: list[tuple[float, int]] = attrs.field(factory=list, init=False)
    _random: random.Random = attrs.field(init=False)

    def __attrs_post_init__(self) -> None:
        self._free = dict.fromkeys(range(self.places))
        self._at = {place: _Place() for place in range(self.places)}
        self._random = random.Random(self.seed)

    @property
    def free(self) -> Collection[int]:
        """Those without a job."""
        return self._free.keys()

    def give(self, place: int, job: Job) -> None:
        """Put down what will happen, and when."""
        begun = time.perf_counter()
        at = self._at[place]
        if place not in self._free or not isinstance(job, CellJob):
            raise ValueError(f"a cell for a free place is expected, not {job} for place {place}")
        del self._free[place]
        at.events = self._to_come(at, job.cell)
        heappush(self._next, (self.now + at.events[-1][0], place))
        self.waiting += time.perf_counter() - begun

    def wait(self, seconds: float | None) -> list[tuple[int, Event]]:
        """The next event; the clock is set to when it happens."""
        begun = time.perf_counter()
        then, place = heappop(self._next)
        self.busy += (then - self.now) * (self.places - len(self._free))
        self.now = then
        at = self._at[place]
        _, event = at.events.pop()
        if at.events:
            heappush(self._next, (then + at.events[-1][0], place))
        else:
            self._ended(place, event)
        self.events += 1
        self.waiting += time.perf_counter() - begun
        return [(place, event)]

    def stop(self, place: int) -> None:
        """End a worker amid its job."""
        self._at[place].events = [(0.0, WorkerLost("was stopped"))]
        self._next = [(then, other) for then, other in self._next if other != place]
        heapify(self._next)
        heappush(self._next, (self.now, place))

    def close(self) -> None:
        """Nothing is open."""

    def _to_come(self, at: _Place, cell: Cell) -> list[tuple[float, Event]]:
        """All that the worker will tell of the cell, the first thing last."""
        first = self._answered.get(cell.address, 0)
        events: list[tuple[float, Event]] = [(self._ready(at, cell), CellBegun(first))]
        read = 0.0 if at.table == cell.table and self.taking.keeps(cell) else self.taking.read(cell)
        at.table = cell.table
        answer = self.taking.answer(cell)
        lost_at = self._random.randrange(first, cell.samples) if self._random.random() < self.lost else cell.samples
        passed = untold = 0.0
        for sample in range(first, min(lost_at + 1, cell.samples)):
            took = (read + answer) * (1 + self._random.uniform(-self.jitter, self.jitter))
            self.reads += read > 0
            passed += took
            if self.each_sample and sample != lost_at:
                events += [(0.0, SampleBegun(sample)), (took, SampleAnswered(sample))]
            else:
                untold += took
        if lost_at < cell.samples:
            self._answered[cell.address] = lost_at
            events.append((untold, WorkerLost("was killed by SIGKILL")))
        else:
            events.append((untold, JobEnded("complete", model_seconds=passed, cell_seconds=passed)))
        self.cell_seconds += passed
        events.reverse()
        return events

    def _ready(self, at: _Place, cell: Cell) -> float:
        """Seconds until the worker is there, and has the model."""
        seconds = 0.0
        if not at.started:
            at.started, at.model, at.table = True, None, None
            self.starts += 1
            seconds += self.taking.start()
        if at.model != cell.model:
            at.model, at.table = cell.model, None
            self.loads += 1
            seconds += self.taking.load(cell)
        return seconds

    def _ended(self, place: int, event: Event) -> None:
        at = self._at[place]
        at.started = at.started and not isinstance(event, WorkerLost)
        self._free[place] = None
