"""`Syncing`: have a file confirmed by the disk while something else goes on."""

from __future__ import annotations

from concurrent.futures import Future, ThreadPoolExecutor
from types import TracebackType
from typing import Self

from sah_bench.store.lines import LineFile

__all__ = ["Syncing"]


class Syncing:
    """At most one confirmation is open at any time, so the disk is never further behind than that.

    ``begin`` raises OSError where the one before failed, and so does leaving the ``with`` block.
    """

    def __init__(self, file: LineFile) -> None:
        self._file = file
        self._thread = ThreadPoolExecutor(max_workers=1)
        self._open: Future[None] | None = None

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self._thread.shutdown()
        if error is None:
            self._confirmed()

    def begin(self) -> None:
        """What was appended until now is to be on the disk soon; waits for what was begun before."""
        self._confirmed()
        self._open = self._thread.submit(self._file.sync)

    def _confirmed(self) -> None:
        if self._open is not None:
            self._open.result()
