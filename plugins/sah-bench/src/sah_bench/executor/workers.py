"""`Workers`: what the executor asks of the processes that answer, wherever they run."""

from __future__ import annotations

from abc import ABC, abstractmethod

from .events import Event
from .jobs import Job

__all__ = ["Workers"]


class Workers(ABC):
    """A fixed number of places, each with one worker at most; they share the results directory and nothing else."""

    @property
    @abstractmethod
    def places(self) -> int:
        """How many jobs can be done at once; places are numbered from 0."""

    @abstractmethod
    def give(self, place: int, job: Job) -> None:
        """Hand a job to the worker of a place that has none; starts the worker if there is no such one."""

    @abstractmethod
    def wait(self, seconds: float | None) -> list[tuple[int, Event]]:
        """What happened at which place since the last call; waits so long for something to happen (None: any time).

        A job that was given leads to a `JobEnded` or a `WorkerLost`, and then the place is free.
        """

    @abstractmethod
    def stop(self, place: int) -> None:
        """End the worker of a place at once, whatever it is doing; `WorkerLost` follows all that it had told."""

    @abstractmethod
    def close(self) -> None:
        """End all workers at once."""
