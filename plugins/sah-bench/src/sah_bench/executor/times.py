"""`Times`: what answering a sample took; a line of ``times.jsonl``."""

from __future__ import annotations

import sys
from typing import Any

import attrs
from attrs import frozen

__all__ = ["Reading", "Times", "forget_peak", "memory_bytes"]


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
    """The most that the worker held of its accelerator's memory for this sample; on a CPU, of the machine's so far."""
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


def memory_bytes(device: str) -> int | None:
    """The most memory that this process has held: the accelerator's since `forget_peak`, where it counts it.

    None where the system does not say.
    """
    if device.startswith("cuda"):
        import torch

        return torch.cuda.max_memory_allocated(device)
    if sys.platform == "win32":
        return None
    import resource

    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return peak if sys.platform == "darwin" else peak * 1024


def forget_peak(device: str) -> None:
    """Begin to look for the most memory anew; a machine's own memory has no such beginning."""
    if device.startswith("cuda"):
        import torch

        torch.cuda.reset_peak_memory_stats(device)
