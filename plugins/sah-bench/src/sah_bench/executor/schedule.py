"""`Schedule`: which job comes next, and which have to wait."""

from __future__ import annotations

from bisect import bisect_left, insort
from collections import deque
from collections.abc import Iterable, Iterator

from attrs import define, evolve, field

from sah_bench.plan.calibration import Calibration
from sah_core.config import ModelConfig

from .jobs import CalibrationJob, CellJob, Job

__all__ = ["Schedule"]

_PATIENCE = 1.0
"""Seconds that a worker waits for another run when nothing else is left, then it looks at the next such cell; and for a
lost worker to let go of its cell."""


@define(eq=False)
class _Group:
    """Cells that one model is asked about one table."""

    number: int
    """In the order of the plan."""
    model: ModelConfig
    jobs: deque[CellJob] = field(factory=deque)
    workers: int = 0
    """That are at cells of it."""


class Schedule:
    """Jobs that are not done: calibrations, then the cells whose calibration is done.

    A worker keeps to the model and the table that it has, then to the model; and workers keep apart, as each would have
    to read the contexts of its table. Where there are more workers than tables they share one, the longest first.
    A choice takes no longer with more cells.
    """

    def __init__(self, jobs: Iterable[CellJob], calibrations: Iterable[Calibration]) -> None:
        cells = list(jobs)
        needed = {job.cell.calibration for job in cells}
        self._calibrations = deque(CalibrationJob(each) for each in calibrations if each.address in needed)
        unlearned = {job.address for job in self._calibrations}
        self._waiting: dict[str, list[CellJob]] = {address: [] for address in unlearned}
        self._locked: deque[Job] = deque()
        self._groups: list[_Group] = []
        self._of: dict[str, _Group] = {}  # by a cell's address
        self._open: dict[ModelConfig, list[int]] = {}  # numbers of the groups with jobs, in order
        known: dict[object, _Group] = {}
        for job in cells:
            group = known.get((job.cell.model, job.cell.table))
            if group is None:
                group = known[job.cell.model, job.cell.table] = _Group(len(self._groups), job.cell.model)
                self._groups.append(group)
            self._of[job.address] = group
            if job.cell.calibration in unlearned:
                self._waiting[job.cell.calibration].append(job)
            else:
                self._add(group, job)

    @property
    def left(self) -> bool:
        """Whether there is a job that could be done now."""
        return bool(self._calibrations or self._locked or any(self._open.values()))

    def next(self, last: Job | None) -> Job | None:
        """The job for a worker that did ``last``, which is at work from now on; None if there is none for now."""
        job = self._next(None if last is None else self._of.get(last.address))
        if isinstance(job, CellJob):
            self._of[job.address].workers += 1
        return job

    def ended(self, job: Job) -> None:
        """No worker is at it any more, whatever became of it."""
        if isinstance(job, CellJob):
            self._of[job.address].workers -= 1

    def again(self, job: Job) -> None:
        """Do a job next: it was interrupted, and may be held for a moment by the worker that is ending."""
        job = evolve(job, patience=_PATIENCE)
        if isinstance(job, CellJob):
            self._add(self._of[job.address], job, first=True)
        else:
            self._calibrations.appendleft(job)

    def put_off(self, job: Job) -> None:
        """Another run is at it: look again when nothing else is left, with some patience."""
        self._locked.append(evolve(job, patience=_PATIENCE))

    def learned(self, address: str) -> None:
        """A calibration is done: its cells can be."""
        for job in self._waiting.pop(address, ()):
            self._add(self._of[job.address], job)

    def abandoned(self, address: str) -> list[CellJob]:
        """A calibration failed; the cells that need it."""
        return self._waiting.pop(address, [])

    def _next(self, last: _Group | None) -> Job | None:
        if self._calibrations:
            return self._calibrations.popleft()
        group = self._group(last)
        if group is not None:
            return self._take(group)
        return self._locked.popleft() if self._locked else None

    def _group(self, last: _Group | None) -> _Group | None:
        """Where a worker goes on: its own table; one that no other is at; one that others are at."""
        if last is not None and last.jobs:
            return last
        own = None if last is None else last.model
        models = sorted(self._open, key=lambda model: model != own)  # which leaves the others in their order
        for model in models:
            for group in self._with_jobs(model):
                if not group.workers:
                    return group
        for model in models:
            shared = max(self._with_jobs(model), key=lambda group: len(group.jobs) / group.workers, default=None)
            if shared is not None:
                return shared
        return None

    def _with_jobs(self, model: ModelConfig) -> Iterator[_Group]:
        return (self._groups[number] for number in self._open[model])

    def _add(self, group: _Group, job: CellJob, *, first: bool = False) -> None:
        if not group.jobs:
            insort(self._open.setdefault(group.model, []), group.number)
        if first:
            group.jobs.appendleft(job)
        else:
            group.jobs.append(job)

    def _take(self, group: _Group) -> CellJob:
        job = group.jobs.popleft()
        if not group.jobs:
            numbers = self._open[group.model]
            del numbers[bisect_left(numbers, group.number)]
        return job
