"""`Listener`: who wants to know how far a run is."""

from __future__ import annotations

from typing import Protocol

from sah_bench.plan.cell import Cell

from .outcome import Status

__all__ = ["Listener", "Silent"]


class Listener(Protocol):
    """Told of everything in the order in which it happens; called in the thread that runs the executor."""

    def cell_begun(self, cell: Cell, answered: int) -> None:
        """A worker is about to ask, and so many samples had been answered before."""

    def sample_answered(self, cell: Cell, sample: int) -> None:
        """An answer is on the disk."""

    def cell_ended(self, cell: Cell, status: Status) -> None:
        """Nothing more happens to the cell in this run."""

    def note(self, text: str) -> None:
        """Something that takes time and is no cell, or went wrong and is tried again."""


class Silent:
    """Listens to nothing."""

    def cell_begun(self, cell: Cell, answered: int) -> None:
        """Ignored."""

    def sample_answered(self, cell: Cell, sample: int) -> None:
        """Ignored."""

    def cell_ended(self, cell: Cell, status: Status) -> None:
        """Ignored."""

    def note(self, text: str) -> None:
        """Ignored."""
