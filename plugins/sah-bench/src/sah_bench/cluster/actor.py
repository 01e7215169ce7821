"""`Actor`: the worker on a node of the cluster, which does one job after another and tells of them when it is asked."""

from __future__ import annotations

import math
import os
import platform
import queue
import shutil
import tempfile
import threading
import time
from pathlib import Path
from typing import TYPE_CHECKING

from attrs import evolve, frozen

from sah_bench.executor.cell_work import Desk
from sah_bench.executor.events import Event, JobEnded, SampleAnswered, SampleBegun, WorkerLost
from sah_bench.executor.failure import Failure
from sah_bench.executor.jobs import CalibrationJob, CellJob, Job
from sah_bench.executor.worker_process import Setup, do_job, make_desk
from sah_bench.store.directory import ResultsDirectory
from sah_core.config import ModelConfig
from sah_core.errors import UsageError

from .goods import Goods, folder_of, placed, unpack
from .mirror import Change, Mirror

if TYPE_CHECKING:
    from sah_bench.executor.models import KeptModel

__all__ = ["Actor", "Greeting", "Told"]


_MOMENT = 0.5
"""Seconds from one telling to the next, but for a job's end, which is told at once."""


@frozen
class Greeting:
    """What a worker says when it is there."""

    host: str
    process: int
    kind: str
    """What answers depend on of the device: see `device_kind`."""
    sees: bool
    """Whether it writes to the results directory itself."""


@frozen
class Told:
    """An event, and what has changed in the job's folder until it happened, where somebody else keeps the results."""

    event: Event
    changes: list[Change]


class _Drained(BaseException):
    pass


class Actor:
    """Does jobs in a thread of its own; ``told`` waits for what happens.

    ``shared``: whether it writes to the results directory, None: if it finds ``probe`` there. Else it works in a folder
    of its own, and tells what changes in it.
    """

    def __init__(self, setup: Setup, probe: str, shared: bool | None) -> None:
        os.environ["OMP_NUM_THREADS"] = str(setup.threads)  # read when torch is imported
        self._sees = (setup.directory / probe).is_file() if shared is None else shared
        self._shared = ResultsDirectory(setup.directory)
        self._own = None if self._sees else Path(tempfile.mkdtemp(prefix="sah-bench-"))
        self._directory = self._shared if self._own is None else ResultsDirectory.created(self._own / "results")
        self._setup = Setup(self._directory.path, setup.device, setup.threads, setup.context_memory)
        self._mirror: Mirror | None = None
        self._told: queue.SimpleQueue[Told] = queue.SimpleQueue()
        self._jobs: queue.SimpleQueue[Job] = queue.SimpleQueue()
        self._checked: set[ModelConfig] = set()
        self._last = -math.inf  # when something was told
        self._draining = threading.Event()
        threading.Thread(target=self._work, daemon=True).start()

    def hello(self) -> Greeting:
        """Say who and where it is; imports torch."""
        from sah_bench.plan.devices import device_kind

        kind = device_kind(self._setup.device)
        return Greeting(platform.node(), os.getpid(), kind, self._sees)

    def live(self) -> None:
        """Never return: who waits for it learns that this worker is no more."""
        threading.Event().wait()

    def begin(self, job: Job, goods: Goods | None) -> list[Told]:
        """Do a job from now on, and say what happens first, as `told` does.

        ``goods`` are what it needs of the results, where this worker does not see them.
        """
        if goods is not None:
            try:
                unpack(goods, self._directory)
            except OSError as error:
                return [Told(JobEnded("failed", Failure.of(error)), [])]
            job = placed(job, goods.directory, self._directory.path)
            self._mirror = Mirror(folder_of(job, self._directory))
            self._mirror.changes()
        self._jobs.put(job)
        return self.told()

    def told(self) -> list[Told]:
        """What has happened since the last call, at least one event, up to a job's end.

        What happens soon after the last call is gathered for a moment: a call for each event would cost short questions
        more than they take. Later on it is told at once.
        """
        found = [self._told.get()]
        until = self._last + _MOMENT
        while not isinstance(found[-1].event, JobEnded | WorkerLost):
            try:
                found.append(self._told.get(timeout=max(0.0, until - time.monotonic())))
            except queue.Empty:
                break
        self._last = time.monotonic()
        return found

    def drain(self) -> None:
        """End the job before its next sample; what was answered is told, and `WorkerLost` after it."""
        self._draining.set()

    def clean(self) -> None:
        """Remove its own folder, when it has no job."""
        if self._own is not None:
            shutil.rmtree(self._own, ignore_errors=True)

    def _work(self) -> None:
        desk = make_desk(self._setup, self._tell)
        try:
            while True:
                job = self._jobs.get()
                ended = Told(self._done(job, desk), self._changes())
                self._leave(job)
                self._told.put(ended)  # from here on there may be another job
        except _Drained:
            self._told.put(Told(WorkerLost("was asked to end"), self._changes()))
        except BaseException:  # noqa: BLE001 - what ends a process locally ends this one, which Ray notices
            os._exit(1)

    def _leave(self, job: Job) -> None:
        """Keep no cell that was told of; tables and calibrations serve other cells."""
        if self._mirror is not None and isinstance(job, CellJob):
            shutil.rmtree(folder_of(job, self._directory), ignore_errors=True)
        self._mirror = None

    def _tell(self, event: Event) -> None:
        self._told.put(Told(event, self._changes() if isinstance(event, SampleAnswered) else []))
        if isinstance(event, SampleBegun) and self._draining.is_set():
            raise _Drained

    def _changes(self) -> list[Change]:
        return [] if self._mirror is None else self._mirror.changes()

    def _done(self, job: Job, desk: Desk) -> JobEnded:
        """Do it, with a model that has the same files here as where it was planned."""
        if isinstance(job, CalibrationJob):
            try:
                self._check_files(job)
            except Exception as error:  # noqa: BLE001 - a model that cannot be had here fails the job, as loading it would
                return JobEnded("failed", Failure.of(error))
            return do_job(job, desk, self._setup.device)

        def models() -> KeptModel:
            self._check_files(job)
            return desk.models()

        return do_job(job, evolve(desk, models=models), self._setup.device)

    def _check_files(self, job: Job) -> None:
        """Raise UsageError where this node has another model under the same name, and what `model_folder` does."""
        from sah_bench.plan.model_files import files_digest
        from sah_hf.models.loading import model_folder

        asked = job.cell if isinstance(job, CellJob) else job.calibration
        model = asked.model
        if model in self._checked:
            return
        if files_digest(model_folder(model), self._directory.path / "files.json") != asked.identity["model"]["files"]:
            raise UsageError(
                f"{model.name} on {platform.node()} has other files than on the machine that planned: copy them there"
            )
        self._checked.add(model)
