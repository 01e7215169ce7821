"""`LocalWorkers`: processes on this machine, one for each device."""

from __future__ import annotations

import multiprocessing
import signal
from collections.abc import Collection, Iterator, Sequence
from contextlib import contextmanager, suppress
from multiprocessing import connection, resource_tracker
from multiprocessing.context import SpawnProcess
from pathlib import Path

from attrs import frozen

from sah_bench.config.sections import WorkersConfig

from .events import Event, JobEnded, WorkerLost
from .jobs import Job
from .worker_process import Setup, run_worker
from .workers import Workers

__all__ = ["LocalWorkers"]

_SECONDS_TO_END = 10.0
"""That a worker without a job is given to end, before it is killed as well."""


@frozen(eq=False)
class _Worker:
    """A process, and our end of the pipe to it."""

    process: SpawnProcess
    pipe: connection.Connection[Job, Event]


class LocalWorkers(Workers):
    """Spawned processes; one is started when its place gets its first job.

    ``config`` has its devices and threads settled; ``directory`` is where results are.
    """

    def __init__(self, config: WorkersConfig, directory: Path) -> None:
        if config.devices == "auto" or config.threads == "auto":
            raise ValueError("the devices and threads of workers should be settled before they start")
        self._setups: Sequence[Setup] = [
            Setup(directory, device, config.threads, config.context_memory * 1e9) for device in config.devices
        ]
        self._workers: dict[int, _Worker] = {}
        self._busy: set[int] = set()

    @property
    def free(self) -> Collection[int]:
        """One place for each device, but for those at work."""
        return [place for place in range(len(self._setups)) if place not in self._busy]

    def give(self, place: int, job: Job) -> None:
        """Hand a job to the worker of a place."""
        if place not in self._workers:
            self._workers[place] = _start(self._setups[place])
        self._busy.add(place)
        with suppress(OSError):  # it may have ended, which `wait` is about to find out
            self._workers[place].pipe.send(job)

    def wait(self, seconds: float | None) -> list[tuple[int, Event]]:
        """What happened at which place."""
        ready = connection.wait([worker.pipe for worker in self._workers.values()], seconds)
        places = [place for place, worker in self._workers.items() if worker.pipe in ready]
        return [(place, event) for place in places for event in self._events(place)]

    def stop(self, place: int) -> None:
        """Kill the worker of a place."""
        self._workers[place].process.kill()

    def close(self) -> None:
        """Kill those that have a job; the others end by themselves, so that nothing of theirs is left behind."""
        for place, worker in self._workers.items():
            if place in self._busy:
                worker.process.kill()
            worker.pipe.close()
        for worker in self._workers.values():
            worker.process.join(_SECONDS_TO_END)
            worker.process.kill()
            worker.process.join()
        self._workers.clear()
        self._busy.clear()

    def _events(self, place: int) -> Iterator[Event]:
        worker = self._workers[place]
        try:
            while worker.pipe.poll():
                event = worker.pipe.recv()
                if isinstance(event, JobEnded):
                    self._busy.discard(place)
                yield event
        except (EOFError, OSError):  # its end of the pipe is closed: it has ended, perhaps amid an event
            worker.process.join()
            worker.pipe.close()
            del self._workers[place]
            self._busy.discard(place)
            yield WorkerLost(_how_it_ended(worker.process.exitcode))


def _start(setup: Setup) -> _Worker:
    spawn = multiprocessing.get_context("spawn")
    ours, theirs = spawn.Pipe()
    process = spawn.Process(target=run_worker, args=(setup, theirs), daemon=True, name=f"sah-bench {setup.device}")
    with _deaf_to_ctrl_c():
        process.start()
    theirs.close()
    return _Worker(process, ours)


@contextmanager
def _deaf_to_ctrl_c() -> Iterator[None]:
    """Processes started here never see SIGINT, not even while they are still importing."""
    if not hasattr(signal, "pthread_sigmask"):
        yield
        return
    resource_tracker.ensure_running()  # which would lift the block, were it started below
    before = signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT})
    try:
        yield
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)


def _how_it_ended(code: int | None) -> str:
    if code is not None and code < 0:
        try:
            return f"was killed by {signal.Signals(-code).name}"
        except ValueError:
            return f"was killed by signal {-code}"
    return f"ended with exit code {code}"
