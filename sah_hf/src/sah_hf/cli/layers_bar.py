"""`LayersBar`: on a terminal, how many of a model's layers have read the context."""

from __future__ import annotations

from types import TracebackType
from typing import Self

from rich.console import Console
from rich.progress import BarColumn, Progress, TextColumn, TimeElapsedColumn

__all__ = ["LayersBar"]


class LayersBar:
    """A bar that goes when its block ends; nothing at all where the console is no terminal. Call it to move it on."""

    def __init__(self, console: Console) -> None:
        self._bar = Progress(
            TextColumn("{task.description}"),
            BarColumn(),
            TextColumn("{task.completed} of {task.total} layers"),
            TimeElapsedColumn(),
            console=console,
            transient=True,
            disable=not console.is_terminal,
        )
        self._task = self._bar.add_task("reading the context", total=None)

    def __call__(self, done: int, layers: int) -> None:
        """So many of the layers are done."""
        said = "reading the context" if done < layers else "reading the question"
        self._bar.update(self._task, completed=done, total=layers, description=said)

    def __enter__(self) -> Self:
        self._bar.start()
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self._bar.stop()
