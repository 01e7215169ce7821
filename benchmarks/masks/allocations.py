"""Memory that a piece of work takes from torch's CPU allocator."""

from __future__ import annotations

import json
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import attrs
from torch.profiler import ProfilerActivity, profile

__all__ = ["Allocations", "allocations"]


@attrs.frozen
class Allocations:
    """Bytes."""

    peak: int
    """The most that was held at once, beyond what was there before."""
    largest: int
    """The largest single allocation."""
    total: int
    """All allocations together."""


def allocations(work: Callable[[], object]) -> Allocations:
    """What one call of the work allocates, by torch's memory profiler."""
    with profile(activities=[ProfilerActivity.CPU], profile_memory=True) as recorded:
        result = work()
    del result
    with tempfile.TemporaryDirectory() as folder:
        trace = Path(folder) / "trace.json"
        recorded.export_chrome_trace(str(trace))
        events: list[dict[str, Any]] = json.loads(trace.read_text(encoding="utf-8"))["traceEvents"]
    memory = sorted((e for e in events if e.get("name") == "[memory]"), key=lambda event: float(event["ts"]))
    return held([int(event["args"]["Bytes"]) for event in memory])


def held(changes: list[int]) -> Allocations:
    """From the changes in order: positive for memory taken, negative for memory given back."""
    now = peak = 0
    for change in changes:
        now += change
        peak = max(peak, now)
    taken = [change for change in changes if change > 0]
    return Allocations(peak, max(taken, default=0), sum(taken))
