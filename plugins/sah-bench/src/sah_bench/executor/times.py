"""`Times`: what answering a sample took; a line of ``times.jsonl``."""

from __future__ import annotations

from typing import Any

import attrs
from attrs import frozen

__all__ = ["Reading", "Times"]


@frozen
class Times:
    """Seconds and bytes of one sample, which differ from run to run."""

    sample: int
    context_tokens: int
    question_tokens: int
    """The answer prefix included."""
    context_seconds: float | None
    """Reading the context; None where it had been read for an earlier sample or cell."""
    context_bytes: int
    """Its keys and values."""
    context_memory_bytes: int | None
    """As ``memory_bytes``, while it was read; None where it had been read before."""
    first_token_seconds: float
    """From handing in the question to the answer's first token."""
    seconds: float
    """From handing in the question to the end of its answer."""
    index_bytes: int | None
    """What the maskers' indexes hold in memory, all layers together; None where attention is dense."""
    memory_bytes: int | None
    """The most that the worker held of its accelerator's memory for this sample; without one, on Linux, the machine's.

    None where the system does not tell.
    """
    worker: str
    """The device that it runs on."""

    def to_dict(self) -> dict[str, Any]:
        """As JSON values."""
        return attrs.asdict(self)


@frozen
class Reading:
    """What reading a context took."""

    seconds: float
    memory_bytes: int | None
