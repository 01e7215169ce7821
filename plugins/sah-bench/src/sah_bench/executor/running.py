"""`Running`: a job in the hands of a worker, and when it is given up."""

from __future__ import annotations

from typing import Literal

from attrs import define

from sah_bench.config.sections import TimeoutConfig

from .jobs import Job

__all__ = ["Running"]


@define(eq=False)
class Running:
    """What is known of a job that a worker has; times are of a clock that only goes forward, in seconds."""

    job: Job
    cell_since: float | None = None
    """When its first question was about to be asked, had one worker done it all; None while a model is loaded."""
    sample: int | None = None
    sample_since: float = 0.0
    stopped: Literal["sample", "cell"] | None = None
    """Whose time was over when its worker was stopped."""
    stopped_at: int | None = None
    """The sample that it was stopped at; where ``sample`` is another one by now, that one was answered in time."""

    def deadline(self, timeout: TimeoutConfig) -> float | None:
        """When it is to be stopped; None: never."""
        if self.stopped is not None or self.cell_since is None:
            return None
        ends = [] if timeout.cell is None else [self.cell_since + timeout.cell]
        if timeout.sample is not None and self.sample is not None:
            ends.append(self.sample_since + timeout.sample)
        return min(ends, default=None)

    def over(self, timeout: TimeoutConfig, now: float) -> Literal["sample", "cell"] | None:
        """Whose time is over."""
        deadline = self.deadline(timeout)
        if deadline is None or now < deadline or self.cell_since is None:
            return None
        return "cell" if timeout.cell is not None and now >= self.cell_since + timeout.cell else "sample"
