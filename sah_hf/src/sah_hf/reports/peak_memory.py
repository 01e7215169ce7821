"""`PeakMemory`: the most memory that was held in one part of the work, and then in the next."""

from __future__ import annotations

import re
import threading
from collections.abc import Iterable
from pathlib import Path
from typing import Any, Self
from weakref import WeakSet

import torch

__all__ = ["PeakMemory"]

_STATUS, _CLEAR = Path("/proc/self/status"), Path("/proc/self/clear_refs")
_FORGET_PEAK = "5"  # the kernel's word for it
_PEAK = re.compile(r"^VmHWM:\s+(\d+) kB$", re.MULTILINE)

_lock = threading.Lock()
_watching: WeakSet[PeakMemory] = WeakSet()


class PeakMemory:
    """A watch on the memory of a model's devices: `lap` gives the peak since the last lap, in bytes.

    Of CUDA devices it is what torch had allocated, the sum of each one's peak; without one, what this process held of
    the machine's memory, the weights and torch itself included, where Linux tells. None anywhere else.

    A peak is the process's: what other threads hold meanwhile is in it. Watches do not disturb each other. To find the
    peak of a part, the counters of torch and of the kernel are set back: do not read them beside a watch.
    """

    def __init__(self, devices: Iterable[torch.device]) -> None:
        self._cuda = tuple({device for device in devices if device.type == "cuda"})
        self._most = 0
        with _lock:
            _watching.add(self)
        self.lap()

    @classmethod
    def of(cls, model: Any) -> Self:
        """A watch on the devices of a model's weights."""
        return cls({parameter.device for parameter in model.parameters()})

    def lap(self) -> int | None:
        """The most bytes held since this was last asked, or the watch began; None where nobody knows."""
        with _lock:
            peak = self._count()
            if peak is None:
                return None
            for watch in _watching:
                if watch._cuda == self._cuda:
                    watch._most = max(watch._most, peak)
            most, self._most = self._most, 0
        return most

    def _count(self) -> int | None:
        """The peak since it was last counted by anyone, which begins anew."""
        if not self._cuda:
            return _process_peak()
        peak = sum(torch.cuda.max_memory_allocated(device) for device in self._cuda)
        for device in self._cuda:
            torch.cuda.reset_peak_memory_stats(device)
        return peak


def _process_peak() -> int | None:
    try:
        found = _PEAK.search(_STATUS.read_text())
        _CLEAR.write_text(_FORGET_PEAK)
    except OSError:
        return None  # another system, or one that keeps it to itself
    return None if found is None else int(found[1]) * 1024
