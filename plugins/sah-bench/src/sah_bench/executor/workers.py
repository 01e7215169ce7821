"""`Workers`: what the executor asks of the processes that answer, wherever they run."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Collection
from types import TracebackType
from typing import Self

from .events import Event
from .jobs import Job

__all__ = ["Workers"]


class Workers(ABC):
    """Places, each with one worker at most, that share the results directory and nothing else.

    Who makes them closes them, as with `with`; between runs in one directory they keep what they have loaded.
    """

    @property
    @abstractmethod
    def free(self) -> Collection[int]:
        """The places that can be given a job now; only these may change by themselves, in `wait`."""

    @abstractmethod
    def give(self, place: int, job: Job) -> None:
        """Hand a job to the worker of a free place; starts the worker if there is no such one."""

    @abstractmethod
    def wait(self, seconds: float | None) -> list[tuple[int, Event]]:
        """What happened at which place since the last call; waits so long for something to happen (None: any time).

        A job that was given leads to a `JobEnded` or a `WorkerLost`, and then the place is free, or will be. Nothing
        need be told of a place that became free otherwise, but it ends the waiting.
        Raises SahError where no place will ever be free again.
        """

    @abstractmethod
    def stop(self, place: int) -> None:
        """End the worker of a place at once, whatever it is doing; `WorkerLost` follows all that it had told."""

    @abstractmethod
    def close(self) -> None:
        """End all workers."""

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self.close()
