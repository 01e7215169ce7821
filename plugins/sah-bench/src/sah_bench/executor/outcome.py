"""`Outcome`: how a run ended, cell by cell."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Literal

from attrs import frozen

__all__ = ["Outcome", "Status"]

Status = Literal["complete", "reused", "failed", "incomplete"]
"""Complete now, complete before, failed with an error, or given up after its time."""


@frozen
class Outcome:
    """How many cells of the plan ended how, and everything that is not as it should be."""

    complete: int
    reused: int
    failed: int
    incomplete: int
    problems: tuple[str, ...]
    """A sentence each, which names the cell."""
    model_seconds: float
    """In the adapter, reading contexts and answering, in all workers together."""
    cell_seconds: float
    """From a cell's first question to its scores, likewise."""

    @classmethod
    def of(
        cls, statuses: Mapping[Status, int], problems: tuple[str, ...], model_seconds: float, cell_seconds: float
    ) -> Outcome:
        """With so many cells of each status."""
        counts = {status: statuses.get(status, 0) for status in ("complete", "reused", "failed", "incomplete")}
        return cls(**counts, problems=problems, model_seconds=model_seconds, cell_seconds=cell_seconds)

    @property
    def exit_code(self) -> int:
        """0 where everything is as it should be, else 1."""
        return 1 if self.failed or self.incomplete or self.problems else 0
