"""`RayWorkers`: workers on the nodes of a Ray cluster."""

from __future__ import annotations

import time
import uuid
from collections.abc import Collection, Iterable, Iterator, Sequence
from contextlib import contextmanager
from typing import Any, Literal

import ray
from attrs import define
from filelock import FileLock, Timeout

from sah_bench.config.sections import WorkersConfig
from sah_bench.executor.events import Event, JobEnded, WorkerLost
from sah_bench.executor.failure import Failure
from sah_bench.executor.jobs import Job
from sah_bench.executor.worker_process import Setup
from sah_bench.executor.workers import Workers
from sah_bench.store.directory import ResultsDirectory
from sah_core.errors import SahError, UsageError

from .actor import Actor, Greeting, Told
from .connection import connected
from .goods import Goods, Stock, folder_of
from .mirror import follow
from .room import check_room

__all__ = ["RayWorkers"]

_SECONDS_TO_DRAIN = 10.0
"""That workers are given to end the question that they are at, when all is closed."""
_LOCK_SECONDS = 0.2
"""To wait for another run's lock, at most, as everybody else waits meanwhile."""
_TRIES = 3
"""Workers of a place that may fail to start, one after another, before it is given up."""
_LOOK = 1.0
"""Seconds that Ray is waited for at a time, so that Ctrl-C and a cluster without room are noticed."""


@define(eq=False)
class _Place:
    """An actor, and what it was asked last and has not answered: its greeting, what happens to its job, or its life."""

    actor: Any
    life: Any
    """A call that never returns."""
    asked: Any
    tries: int
    state: Literal["starting", "free", "busy"] = "starting"
    greeting: Greeting | None = None
    job: Job | None = None
    lock: FileLock | None = None
    """Of its job, where it does not see the results directory and this process writes for it."""

    def let_go(self) -> None:
        """It has no job any more."""
        self.job = None
        if self.lock is not None:
            self.lock.release()
            self.lock = None


class RayWorkers(Workers):
    """Actors, each with its part of the cluster for as long as it lives; a lost one is replaced wherever there is room.

    A worker is given one job at a time and tells of it when it is asked, so nothing piles up anywhere. Workers that do
    not see the results directory are sent what they need, and what they write is written here as soon as they tell of
    it, under a lock that this process holds.
    """

    def __init__(self, config: WorkersConfig, directory: ResultsDirectory) -> None:
        """Start them on the cluster that this process is connected to; raises UsageError where it has room for none."""
        number = check_room(config.ray)
        self._config = config.ray
        self._directory = directory
        self._stock = Stock(directory)
        threads = max(1, int(config.ray.cpus)) if config.threads == "auto" else config.threads
        device = "cuda:0" if config.ray.gpus else "cpu"
        self._setup = Setup(directory.path.resolve(), device, threads, config.context_memory * 1e9)
        self._probe = directory.path / "locks" / f"seen-by-{uuid.uuid4().hex}"
        self._probe.parent.mkdir(exist_ok=True)
        self._probe.touch()
        self._kind = ""
        self._none_since: float | None = time.monotonic()
        self._why = ""  # a worker did not start
        self._places = {place: self._start(1) for place in range(number)}

    @classmethod
    @contextmanager
    def open(cls, config: WorkersConfig, directory: ResultsDirectory) -> Iterator[RayWorkers]:
        """Connect to the cluster that the config names, and leave it in the end; raises as `connected` does."""
        with connected(config.ray), cls(config, directory) as workers:
            yield workers

    @property
    def kind(self) -> str:
        """What the workers run on, as `device_kind` tells it; waits for the first of them; raises as `wait` does."""
        while not self._kind:
            self.wait(None)
        return self._kind

    @property
    def places(self) -> int:
        """How many workers there are, or will be."""
        return len(self._places)

    @property
    def free(self) -> Collection[int]:
        """The places whose workers are there and have no job."""
        return [number for number, place in self._places.items() if place.state == "free"]

    def give(self, place: int, job: Job) -> None:
        """Hand a job to a worker; one that another run has is told of as locked."""
        at = self._places[place]
        sees = at.greeting is not None and at.greeting.sees
        try:
            goods = None if sees else self._goods(at, job)
        except Timeout:
            asked = ray.put([Told(JobEnded("locked"), [])])
        except OSError as error:
            asked = ray.put([Told(JobEnded("failed", Failure.of(error)), [])])
        else:
            asked = at.actor.begin.remote(job, goods)
        at.job, at.asked, at.state = job, asked, "busy"

    def wait(self, seconds: float | None) -> list[tuple[int, Event]]:
        """What happened at which place.

        Raises UsageError where workers run on different devices, and SahError where there is no worker any more.
        """
        until = None if seconds is None else time.monotonic() + seconds
        while True:
            left = _LOOK if until is None else max(0.0, min(_LOOK, until - time.monotonic()))
            places = self._heard(self._places, left)
            if places or (until is not None and time.monotonic() >= until):
                return [(number, event) for number in places for event in self._events(number)]
            self._check_patience()

    def stop(self, place: int) -> None:
        """Kill the worker of a place."""
        ray.kill(self._places[place].actor)

    def close(self) -> None:
        """Let the questions that are being answered be ended, for some seconds, then end all workers."""
        try:
            self._drain()
            idle = [place.actor.clean.remote() for place in self._places.values() if place.state == "free"]
            if idle:
                ray.wait(idle, num_returns=len(idle), timeout=_LOOK)
        finally:
            for place in self._places.values():
                ray.kill(place.actor)
                place.let_go()
            self._places.clear()
            self._probe.unlink(missing_ok=True)

    def _start(self, tries: int) -> _Place:
        config = self._config
        options: dict[str, Any] = {"num_cpus": config.cpus, "num_gpus": config.gpus, "max_concurrency": 4}
        if config.memory is not None:
            options["memory"] = int(config.memory * 1e9)
        if config.accelerator is not None:
            options["accelerator_type"] = config.accelerator
        shared = None if config.shared == "auto" else config.shared
        probe = self._probe.relative_to(self._directory.path).as_posix()
        actor: Any = ray.remote(Actor).options(**options).remote(self._setup, probe, shared)
        return _Place(actor, actor.live.remote(), actor.hello.remote(), tries)

    def _goods(self, place: _Place, job: Job) -> Goods:
        """What the worker is sent, under the job's lock; raises Timeout where another run has it."""
        lock = self._directory.lock(job.address)
        lock.acquire(timeout=min(job.patience, _LOCK_SECONDS))
        place.lock = lock
        return self._stock.goods(job)

    def _heard(self, places: Iterable[int], seconds: float) -> Sequence[int]:
        """Those of these places that have answered what they were asked, or are no more."""
        asked = {self._places[number].asked: number for number in places}
        if not asked:
            return ()
        ready, _ = ray.wait(list(asked), num_returns=1, timeout=seconds)
        if ready:
            ready, _ = ray.wait(list(asked), num_returns=len(asked), timeout=0)
        return [asked[reference] for reference in ready]

    def _events(self, number: int) -> Iterator[Event]:
        place = self._places[number]
        try:
            said = ray.get(place.asked)
        except ray.exceptions.RayError as error:
            yield from self._lost(number, error)
            return
        if isinstance(said, Greeting):
            self._greet(place, said)
            return
        for told in said:
            try:
                if told.changes and place.job is not None:
                    follow(folder_of(place.job, self._directory), told.changes)
            except OSError as error:
                yield from self._not_kept(number, error)
                return
            yield told.event
        if isinstance(said[-1].event, JobEnded | WorkerLost):
            place.state, place.asked = "free", place.life
            place.let_go()
        else:
            place.asked = place.actor.told.remote()

    def _greet(self, place: _Place, greeting: Greeting) -> None:
        self._kind = self._kind or greeting.kind
        if greeting.kind != self._kind:
            raise UsageError(
                f"workers of the Ray cluster run on {self._kind} and, at {greeting.host}, on {greeting.kind}, and "
                "answers may differ in their last bits: name one type with workers.ray.accelerator"
            )
        place.greeting, place.state, place.asked, place.tries = greeting, "free", place.life, 0
        self._none_since = None

    def _lost(self, number: int, error: Exception) -> Iterator[Event]:
        """Its worker is no more: another one takes its place, unless no worker starts there."""
        place = self._places[number]
        had, reason = place.job, _how_it_ended(error, place.greeting)
        self._replace(number, reason)
        if had is not None:
            yield WorkerLost(reason)

    def _not_kept(self, number: int, error: OSError) -> Iterator[Event]:
        """What a worker told cannot be written here: its cell ends."""
        self._replace(number, "could not be heard")
        yield JobEnded("failed", Failure.of(error))

    def _replace(self, number: int, reason: str) -> None:
        place = self._places[number]
        place.let_go()
        ray.kill(place.actor)  # which may be out of reach alone, and go on
        if place.state == "starting" and place.tries >= _TRIES:
            self._why = reason
            del self._places[number]
        else:
            self._places[number] = self._start(place.tries + 1)

    def _check_patience(self) -> None:
        """Raise SahError where there is no worker, and none has come for too long."""
        if not self._places:
            raise SahError(
                f"no worker starts on the Ray cluster, the last one {self._why}; what was answered stays answered"
            )
        if any(place.state != "starting" for place in self._places.values()):
            self._none_since = None
            return
        now = time.monotonic()
        self._none_since = now if self._none_since is None else self._none_since
        if now - self._none_since >= self._config.patience:
            raise SahError(
                f"the Ray cluster had room for no worker in {self._config.patience:g} s (workers.ray.patience); what "
                "was answered stays answered"
            )

    def _drain(self) -> None:
        for number in self._busy:
            self._places[number].actor.drain.remote()
        until = time.monotonic() + _SECONDS_TO_DRAIN
        while self._busy and time.monotonic() < until:
            for number in self._heard(self._busy, _LOOK):
                list(self._events(number))

    @property
    def _busy(self) -> Collection[int]:
        return [number for number, place in self._places.items() if place.state == "busy"]


def _how_it_ended(error: Exception, greeting: Greeting | None) -> str:
    where = "" if greeting is None else f" on {greeting.host}, process {greeting.process},"
    said = " ".join(str(error).split())
    why = said.partition("The actor is dead because ")[2] or said
    return f"{where} was lost: {why.partition(' Some common causes')[0].rstrip('.')}".strip()
