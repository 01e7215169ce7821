"""`Schedule`: which job comes next, and which have to wait."""

from __future__ import annotations

from collections import deque
from collections.abc import Collection, Iterable

from attrs import evolve

from sah_bench.plan.calibration import Calibration

from .jobs import CalibrationJob, CellJob, Job

__all__ = ["Schedule"]

_PATIENCE = 1.0
"""Seconds that a worker waits for another run when nothing else is left; then it looks at the next such cell."""


class Schedule:
    """Jobs that are not done: calibrations, then the cells whose calibration is done; cells of one model and table
    follow one another, and rather in one worker, which has read their contexts already.
    """

    def __init__(self, jobs: Iterable[CellJob], calibrations: Iterable[Calibration]) -> None:
        cells = list(jobs)
        needed = {job.cell.calibration for job in cells}
        self._calibrations = deque(CalibrationJob(each) for each in calibrations if each.address in needed)
        unlearned = {job.address for job in self._calibrations}
        self._waiting: dict[str, list[CellJob]] = {address: [] for address in unlearned}
        self._ready: deque[CellJob] = deque()
        for job in cells:
            (self._waiting[job.cell.calibration] if job.cell.calibration in unlearned else self._ready).append(job)
        self._locked: deque[Job] = deque()

    def next(self, last: Job | None, at_work: Collection[Job]) -> Job | None:
        """The job for a worker that did ``last``, while others are ``at_work``; None if there is none for now."""
        if self._calibrations:
            return self._calibrations.popleft()
        if self._ready:
            number = self._nearest(_contexts(last), {_contexts(job) for job in at_work})
            job = self._ready[number]
            del self._ready[number]
            return job
        return self._locked.popleft() if self._locked else None

    def again(self, job: Job) -> None:
        """Do a job next: it was interrupted."""
        if isinstance(job, CellJob):
            self._ready.appendleft(job)
        else:
            self._calibrations.appendleft(job)

    def put_off(self, job: Job) -> None:
        """Another run is at it: look again when nothing else is left, with some patience."""
        self._locked.append(evolve(job, patience=_PATIENCE))

    def learned(self, address: str) -> None:
        """A calibration is done: its cells can be."""
        self._ready.extend(self._waiting.pop(address, ()))

    def abandoned(self, address: str) -> list[CellJob]:
        """A calibration failed; the cells that need it."""
        return self._waiting.pop(address, [])

    def _nearest(self, contexts: object, others: Collection[object]) -> int:
        """One with the contexts that the worker has read; else one with contexts that no other worker is at."""
        free = None
        for number, job in enumerate(self._ready):
            if _contexts(job) == contexts:
                return number
            if free is None and _contexts(job) not in others:
                free = number
        return free or 0


def _contexts(job: Job | None) -> object:
    return (job.cell.model, job.cell.table) if isinstance(job, CellJob) else None
