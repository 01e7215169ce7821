"""`MemoryAt`: a listener that looks at the process's memory when so many cells have ended."""

from __future__ import annotations

import os
import tracemalloc
from collections.abc import Collection
from pathlib import Path

import attrs

from sah_bench.executor.listener import Silent
from sah_bench.executor.outcome import Status
from sah_bench.plan.cell import Cell

__all__ = ["Held", "MemoryAt"]

_STATM = Path("/proc/self/statm")


@attrs.frozen
class Held:
    """Bytes: of Python's objects, where tracemalloc is on, and of the process, where Linux tells; else 0."""

    traced: int
    resident: int


class MemoryAt(Silent):
    """``held``: what was held after each of these numbers of cells."""

    def __init__(self, cells: Collection[int]) -> None:
        self.held: list[Held] = []
        self._cells = cells
        self._ended = 0

    def cell_ended(self, cell: Cell, status: Status) -> None:
        """Count it."""
        self._ended += 1
        if self._ended in self._cells:
            traced = tracemalloc.get_traced_memory()[0] if tracemalloc.is_tracing() else 0
            pages = int(_STATM.read_text(encoding="ascii").split()[1]) if _STATM.exists() else 0
            self.held.append(Held(traced, pages * os.sysconf("SC_PAGE_SIZE")))
