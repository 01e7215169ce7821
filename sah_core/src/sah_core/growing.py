"""A tensor that grows by a row a token, for the indexes that maskers keep."""

from __future__ import annotations

from torch import Tensor

__all__ = ["GrowingTensor"]


class GrowingTensor:
    """One entry for every key (or page): (b, hkv, n, ...), appended to along n without copying all of it each time.

    Memory is taken in halves of what is held, so that n appends cost as much as one of n; `nbytes` counts what the
    entries themselves take.
    """

    def __init__(self) -> None:
        self._held: Tensor | None = None
        self._length = 0

    def __len__(self) -> int:
        return self._length

    @property
    def entries(self) -> Tensor:
        """All entries, (b, hkv, n, ...); a view that the next append or truncate may write to, so do not keep it."""
        if self._held is None:
            raise IndexError("a GrowingTensor has no entries before the first append")
        return self._held[:, :, : self._length]

    @property
    def nbytes(self) -> int:
        """Bytes of the entries."""
        return 0 if self._held is None else self.entries.nbytes

    def append(self, entries: Tensor) -> None:
        """Add entries (b, hkv, n, ...) at the end; they decide dtype, device and shape when they are the first."""
        length = self._length + entries.shape[2]
        if self._held is None or length > self._held.shape[2]:
            room = length if self._held is None else max(length, self._held.shape[2] * 3 // 2)
            grown = entries.new_empty((*entries.shape[:2], room, *entries.shape[3:]))
            if self._held is not None:
                grown[:, :, : self._length] = self.entries
            self._held = grown
        self._held[:, :, self._length : length] = entries
        self._length = length

    def truncate(self, length: int) -> None:
        """Keep the first ``length`` entries."""
        self._length = min(self._length, length)
