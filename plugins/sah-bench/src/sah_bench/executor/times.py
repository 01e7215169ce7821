"""`Times`: what answering a sample took; a line of ``times.jsonl``."""

from __future__ import annotations

import resource
import sys
from typing import Any

import attrs
from attrs import frozen

__all__ = ["Times", "memory_bytes"]


@frozen
class Times:
    """Seconds and bytes of one sample, which differ from run to run."""

    sample: int
    context_tokens: int
    question_tokens: int
    """The answer prefix included."""
    context_seconds: float | None
    """Reading the context; None where it had been read for an earlier sample or cell."""
    first_token_seconds: float
    """From handing in the question to the answer's first token."""
    seconds: float
    """From handing in the question to the end of its answer."""
    index_bytes: int | None
    """What the maskers' indexes of the context hold in memory, once the last of its samples is answered; else None."""
    memory_bytes: int
    """The most that the worker has held until then: of its accelerator's memory, or of the machine's on a CPU."""
    worker: str
    """The device that it runs on."""

    def to_dict(self) -> dict[str, Any]:
        """As JSON values."""
        return attrs.asdict(self)


def memory_bytes(device: str) -> int:
    """The most memory that this process has held: the accelerator's, where it runs on one that counts it."""
    if device.startswith("cuda"):
        import torch

        return torch.cuda.max_memory_allocated(device)
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return peak if sys.platform == "darwin" else peak * 1024
