"""What workers tell of their jobs, in the order in which it happened; picklable."""

from __future__ import annotations

from typing import Literal

from attrs import frozen

from .failure import Failure

__all__ = ["CellBegun", "Event", "JobEnded", "ProblemFound", "SampleAnswered", "SampleBegun", "WorkerLost"]


@frozen
class CellBegun:
    """The model is there, and the cell's first question is about to be asked."""

    answered: int
    """Samples that earlier runs had answered."""


@frozen
class SampleBegun:
    """A sample's turn has come; reading its context is part of it."""

    sample: int


@frozen
class SampleAnswered:
    """The answer is on the disk."""

    sample: int


@frozen
class ProblemFound:
    """Something is not as it should be, though answers are there: damaged lines, a scorer or a metric that raised."""

    said: str


@frozen
class JobEnded:
    """The worker is free again."""

    status: Literal["complete", "reused", "failed", "locked"]
    """``reused``: it had been done; ``locked``: another run is at it."""
    failure: Failure | None = None
    model_seconds: float = 0.0
    """In the adapter: reading contexts, and answering."""
    cell_seconds: float = 0.0
    """In all, the model loaded."""


@frozen
class WorkerLost:
    """The worker is no more, and what it was doing is not done; another one takes its place when it is given a job."""

    reason: str
    """As in "the worker ...": was killed by SIGKILL, ended with exit code 3."""


Event = CellBegun | SampleBegun | SampleAnswered | ProblemFound | JobEnded | WorkerLost
