"""`BenchmarkExecutor`: a plan, done: what is complete is left, what failed is tried again, the rest goes on."""

from __future__ import annotations

import time
from collections import Counter
from typing import TYPE_CHECKING

from attrs import evolve
from filelock import Timeout

from sah_bench.config.sections import TimeoutConfig
from sah_bench.plan.cell import Cell
from sah_bench.store.directory import ResultsDirectory
from sah_bench.tasks.table_file import write_table

from .cell_work import record
from .complete import is_complete
from .events import CellBegun, Event, JobEnded, ProblemFound, SampleAnswered, SampleBegun, WorkerLost
from .failure import Failure
from .jobs import CalibrationJob, CellJob, Job
from .listener import Listener, Silent
from .outcome import Outcome, Status
from .running import Running
from .schedule import Schedule
from .unmeasured import unmeasured
from .workers import Workers

if TYPE_CHECKING:
    from sah_bench.plan.plan import Plan

__all__ = ["BenchmarkExecutor"]

_LIVES = 2
"""Workers that one job may cost before it is given up."""


class BenchmarkExecutor:
    """Does a plan with workers, and keeps what comes out in a results directory.

    Only one `run` each. Several executors, in several processes, may work in one directory at once.
    """

    def __init__(
        self, plan: Plan, directory: ResultsDirectory, workers: Workers, listener: Listener | None = None
    ) -> None:
        self._plan = plan
        self._directory = directory
        self._workers = workers
        self._listener: Listener = Silent() if listener is None else listener
        self._schedule = Schedule((), ())
        self._statuses: dict[str, Status] = {}
        self._problems: list[str] = []
        self._running: dict[int, Running] = {}
        self._last: dict[int, Job] = {}
        self._deaths: Counter[str] = Counter()
        self._spent: dict[str, float] = {}  # seconds on a cell, by workers that were lost
        self._told: set[str] = set()
        self._timed = plan.timeout != TimeoutConfig()
        self._model_seconds = 0.0
        self._cell_seconds = 0.0

    def run(self) -> Outcome:
        """Do all that is not done; KeyboardInterrupt goes through, and what was answered stays.

        The workers are left as they are: who made them closes them.
        Raises OSError where not even the plan can be written, and SahError where there are no workers any more.
        Everything else is in the outcome.
        """
        self._schedule = self._begin()
        while self._hand_out():
            for place, event in self._workers.wait(self._patience()):
                self._take(place, event)
            self._stop_overdue()
        counts = Counter(self._statuses[cell.address] for cell in self._plan.cells)
        return Outcome.of(counts, tuple(self._problems), self._model_seconds, self._cell_seconds)

    def _begin(self) -> Schedule:
        """Write down what is asked for, and see what of it is there."""
        self._directory.write_plan(self._plan.to_dict())
        for digest in self._plan.tables:
            if not self._directory.table(digest).exists():
                write_table(self._directory.table(digest), self._plan.tables[digest])
        work: dict[str, Cell] = {}
        for cell in self._plan.cells:
            work.setdefault(cell.address, cell)
        left: list[CellJob] = []
        for cell in work.values():
            if is_complete(self._directory.cell(cell.address), cell):
                self._problems += [f"{cell}: {problem}" for problem in unmeasured(self._directory.cell(cell.address))]
                self._end(cell, "reused")
            else:
                left.append(CellJob(cell))
        return Schedule(left, self._plan.calibrations)

    def _hand_out(self) -> bool:
        """Give every free worker a job; whether anything is left to wait for."""
        for place in list(self._workers.free):
            job = self._schedule.next(self._last.get(place))
            if job is None:
                break
            self._running[place] = Running(job)
            self._last[place] = job
            if isinstance(job, CalibrationJob):
                self._listener.note(f"calibrating {job}")
            self._workers.give(place, job)
        return bool(self._running) or self._schedule.left

    def _take(self, place: int, event: Event) -> None:
        running = self._running.get(place)
        if running is None:
            return  # a worker that had nothing to do is no more: another one is started when its place has a job
        match event:
            case CellBegun():
                running.cell_since = time.monotonic() - self._spent.get(running.job.address, 0.0)
                if isinstance(running.job, CellJob):
                    self._listener.cell_begun(running.job.cell, event.answered)
            case SampleBegun():
                running.sample, running.sample_since = event.sample, time.monotonic()
            case SampleAnswered():
                running.sample = None
                if isinstance(running.job, CellJob):
                    self._listener.sample_answered(running.job.cell, event.sample)
            case ProblemFound():
                self._problems.append(f"{running.job}: {event.said}")
            case JobEnded():
                del self._running[place]
                self._schedule.ended(running.job)
                self._ended(running.job, event)
            case WorkerLost():
                del self._running[place]
                self._schedule.ended(running.job)
                self._lost(running, event.reason)

    def _ended(self, job: Job, event: JobEnded) -> None:
        self._model_seconds += event.model_seconds
        self._cell_seconds += event.cell_seconds
        if event.status == "locked":
            if job.address not in self._told:
                self._told.add(job.address)
                self._listener.note(f"{job}: another run is at it, so it is looked at again later")
            self._schedule.put_off(job)
        elif event.failure is not None:
            self._failed(job, event.failure)
        elif isinstance(job, CellJob):
            self._end(job.cell, "reused" if event.status == "reused" else "complete")
        else:
            self._schedule.learned(job.address)

    def _lost(self, running: Running, reason: str) -> None:
        """The worker of a job is no more: because its time was over, or for a reason of its own."""
        job = running.job
        if running.cell_since is not None:
            self._spent[job.address] = time.monotonic() - running.cell_since
        if running.stopped == "cell" and isinstance(job, CellJob):
            failure = Failure("CellTimeout", f"it took more than {self._plan.timeout.cell:g} s", running.sample)
            self._record(job.cell, failure)
            self._end(job.cell, "incomplete", failure)
        elif running.stopped == "sample" and isinstance(job, CellJob):
            if running.sample == running.stopped_at:  # else it was answered at the last moment
                said = f"it took more than {self._plan.timeout.sample:g} s"
                job = evolve(job, overdue=(*job.overdue, Failure("SampleTimeout", said, running.sample)))
            self._schedule.again(job)
        else:
            self._deaths[job.address] += 1
            if self._deaths[job.address] < _LIVES:
                self._listener.note(f"{job}: its worker {reason}, so another one goes on")
                self._schedule.again(job)
                return
            failure = Failure("WorkerLost", f"its worker {reason}, {_LIVES} times", running.sample)
            if isinstance(job, CellJob):
                self._record(job.cell, failure)
            self._failed(job, failure)

    def _failed(self, job: Job, failure: Failure) -> None:
        if isinstance(job, CellJob):
            self._end(job.cell, "failed", failure)
            return
        self._problems.append(f"{job}: {failure}")
        for waiting in self._schedule.abandoned(job.address):
            needed = Failure("CalibrationFailed", f"needs a calibration that failed: {failure}")
            self._record(waiting.cell, needed)
            self._end(waiting.cell, "failed", needed)

    def _record(self, cell: Cell, failure: Failure) -> None:
        """Write why a cell failed, where no worker could; unless another run is at it by now, which knows better."""
        try:
            with self._directory.lock(cell.address).acquire(timeout=1):
                self._problems += [f"{cell}: {said}" for said in record(self._directory.cell(cell.address), failure)]
        except Timeout:
            self._listener.note(f"{cell}: another run is at it")
        except OSError as error:
            self._problems.append(f"{cell}: its failure cannot be written: {error}")

    def _end(self, cell: Cell, status: Status, failure: Failure | None = None) -> None:
        self._statuses[cell.address] = status
        if failure is not None:
            self._problems.append(f"{cell}: {status}: {failure}")
        self._listener.cell_ended(cell, status)

    def _patience(self) -> float | None:
        """Seconds until the next job is overdue."""
        if not self._timed:
            return None
        deadlines = [each.deadline(self._plan.timeout) for each in self._running.values()]
        known = [deadline for deadline in deadlines if deadline is not None]
        return max(0.0, min(known) - time.monotonic()) if known else None

    def _stop_overdue(self) -> None:
        if not self._timed:
            return
        now = time.monotonic()
        for place, running in self._running.items():
            over = running.over(self._plan.timeout, now)
            if over is not None:
                running.stopped, running.stopped_at = over, running.sample
                self._workers.stop(place)
