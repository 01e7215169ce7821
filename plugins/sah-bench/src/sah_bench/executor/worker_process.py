"""What a worker process runs: one job after another, until its parent ends."""

from __future__ import annotations

import multiprocessing
import os
import signal
import threading
from collections.abc import Callable, Sequence
from multiprocessing import connection
from pathlib import Path
from typing import TYPE_CHECKING, Any

from attrs import frozen
from filelock import Timeout

from sah_bench.store.directory import ResultsDirectory
from sah_bench.store.whole_files import write_json
from sah_bench.tasks.row import Row

from .cell_work import Desk, answer_cell
from .events import Event, JobEnded
from .failure import Failure
from .jobs import CalibrationJob, CellJob, Job

if TYPE_CHECKING:
    from .models import KeptModel

__all__ = ["Setup", "calibrated", "do_job", "make_desk", "run_worker"]


@frozen
class Setup:
    """What a worker process is told when it starts; picklable."""

    directory: Path
    device: str
    threads: int
    context_memory: float  # bytes


def run_worker(setup: Setup, pipe: connection.Connection[Event, Job]) -> None:
    """Do the jobs that come through the pipe, and tell of them; ends with the parent, however that ends."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C reaches every process of a terminal: the parent decides
    threading.Thread(target=_end_with_parent, daemon=True).start()
    os.environ["OMP_NUM_THREADS"] = str(setup.threads)  # read when torch is imported

    def tell(event: Event) -> None:
        try:
            pipe.send(event)
        except OSError:
            os._exit(1)  # the parent has ended, and this is no failure of the cell

    desk = make_desk(setup, tell)
    while True:
        try:
            job = pipe.recv()
        except EOFError:
            return
        tell(do_job(job, desk, setup.device))


def do_job(job: Job, desk: Desk, device: str) -> JobEnded:
    """Answer a cell, or let maskers learn; never raises for what these do."""
    return answer_cell(job, desk) if isinstance(job, CellJob) else _calibrate(job, desk.directory, device)


def make_desk(setup: Setup, tell: Callable[[Event], None]) -> Desk:
    """What a worker has at hand; `answer_cell` can also be called with it in a process that is no worker."""
    directory = ResultsDirectory(setup.directory)
    return Desk(directory, _Models(setup), _Tables(directory), tell)


def calibrated(directory: ResultsDirectory, address: str) -> Path:
    """The file that says that a calibration is complete."""
    return directory.calibration(address) / "complete.json"


def _end_with_parent() -> None:
    parent = multiprocessing.parent_process()
    if parent is not None:
        connection.wait([parent.sentinel])
        os._exit(1)


def _calibrate(job: CalibrationJob, directory: ResultsDirectory, device: str) -> JobEnded:
    try:
        with directory.lock(job.address).acquire(timeout=job.patience):
            if calibrated(directory, job.address).exists():
                return JobEnded("reused")
            _quieten()
            job.calibration.run(directory.calibration(job.address), device)
            write_json(calibrated(directory, job.address), dict(job.calibration.identity))
    except Timeout:
        return JobEnded("locked")
    except Exception as error:  # noqa: BLE001 - whatever a calibrator raises ends the cells that need it, and no others
        return JobEnded("failed", Failure.of(error))
    return JobEnded("complete")


def _quieten() -> None:
    """Keep transformers' remarks and progress bars out of ours."""
    from transformers.utils import logging

    messages: Any = logging  # which transformers types in parts only
    messages.set_verbosity_error()
    messages.disable_progress_bar()


class _Models:
    """Imports torch when a model is first asked for."""

    def __init__(self, setup: Setup) -> None:
        self._setup = setup
        self._models: KeptModel | None = None

    def __call__(self) -> KeptModel:
        if self._models is None:
            import torch

            from .models import KeptModel

            torch.set_num_threads(self._setup.threads)
            _quieten()
            self._models = KeptModel(self._setup.device, self._setup.context_memory)
        return self._models


class _Tables:
    """Reads tables, and keeps the one that was read last."""

    def __init__(self, directory: ResultsDirectory) -> None:
        self._directory = directory
        self._digest = ""
        self._rows: Sequence[Row] = ()

    def __call__(self, digest: str) -> Sequence[Row]:
        if digest != self._digest:
            from sah_bench.tasks.table_file import read_table

            self._rows = read_table(self._directory.table(digest))
            self._digest = digest
        return self._rows
