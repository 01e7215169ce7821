"""`CellResult`: what is known of one cell, in numbers."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Literal

from attrs import field, frozen

__all__ = ["STATUSES", "CellResult", "Status"]

Status = Literal["complete", "incomplete", "failed", "missing"]
STATUSES: tuple[Status, ...] = ("complete", "incomplete", "failed", "missing")


@frozen(slots=False)
class CellResult:
    """A line of the plan, and what came of it; what is not known is None.

    ``status``: complete (every sample answered), incomplete (some are), failed (it says why, or a file of it cannot be
    read), missing (nothing was begun).
    """

    address: str
    model: str
    attention: str
    """Its name in the benchmark, which no other config of it has."""
    swept: Mapping[str, Any]
    protocol: str
    task: str
    length: int | None
    seed: int
    samples: int
    scorer: str
    table: str
    """The digest of the rows that were asked."""
    status: Status
    answered: int = 0

    score: float | None = None
    standard_error: float | None = None
    """Of the score; None where all questions are about one context."""
    contexts: int | None = None
    score_error: str | None = None
    """Why there is no score, where the scorer failed."""

    density: float | None = None
    """Attended over visible keys of all answers; 1 where attention was dense."""
    cut_samples: int = 0
    """How many contexts were shortened to fit, counted in samples."""

    seconds: float | None = None
    """A question and its answer, on average."""
    seconds_error: float | None = None
    first_token_seconds: float | None = None
    context_seconds: float | None = None
    """Reading a context, on average over those that were read for this cell."""
    tokens_per_second: float | None = None
    """Tokens of all answers, over the seconds of all questions and answers."""
    memory_bytes: int | None = None
    """The peak."""
    context_bytes: int | None = None
    """Keys and values of a context, at their largest."""
    index_bytes: int | None = None
    """Of what the maskers keep, at its largest."""

    difference: float | None = None
    """The score minus that of dense attention, on the samples that both have."""
    difference_error: float | None = None
    time_ratio: float | None = None
    """Seconds over those of dense attention."""

    failure: str | None = None
    """Why it failed: the error's class and message, and the sample."""
    damaged: tuple[str, ...] = ()
    """Lines that are no longer what was written, such as ``answers.jsonl:3``."""
    set_aside: tuple[str, ...] = ()
    """Damaged lines that an earlier run found, moved away, and answered again."""
    identity: Mapping[str, Any] = field(factory=dict, repr=False)
    """What its address is made of: the model's files, the attention's config, versions."""

    @property
    def pair(self) -> tuple[Any, ...]:
        """What a cell has in common with the dense cell that it is compared to."""
        return (self.model, self.task, self.length, self.seed, self.table, self.scorer)

    def __str__(self) -> str:
        where = "" if self.length is None else f" at {self.length}"
        protocol = "" if self.protocol == "dense" else f" from {self.protocol}"
        return f"{self.model}: {self.attention}{protocol}, {self.task}{where}, seed {self.seed}"
