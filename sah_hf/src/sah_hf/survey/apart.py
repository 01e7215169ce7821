"""Run trials in a process of their own: a modelling file that crashes or hangs ends no more than its own trial."""

from __future__ import annotations

import multiprocessing
from collections.abc import Callable
from multiprocessing.connection import Connection
from types import TracebackType
from typing import Any, Self

import transformers

from .building import class_of
from .trial import Trial, Verdict, try_family

__all__ = ["TrialsApart"]


class TrialsApart:
    """Tries model types one after another in one other process, and starts a new one after each that it had to end."""

    def __init__(self, seconds: float = 120, attempt: Callable[[str], Trial] = try_family) -> None:
        self._seconds = seconds
        self._attempt = attempt
        self._process: Any = None
        self._connection: Any = None

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._end()

    def attempt(self, model_type: str) -> Trial:
        """The trial of a model type; one that crashed or took too long counts as one that cannot run."""
        if self._process is None:
            self._start()
        self._connection.send(model_type)
        if not self._connection.poll(self._seconds):
            return self._failed(model_type, f"the trial took longer than {self._seconds:g} seconds")
        try:
            trial: Trial = self._connection.recv()
        except EOFError:
            self._process.join()
            return self._failed(model_type, f"the trial ended its process (exit code {self._process.exitcode})")
        return trial

    def _failed(self, model_type: str, reason: str) -> Trial:
        self._end()
        return Trial(model_type, class_of(model_type), Verdict("cannot run", reason=reason))

    def _start(self) -> None:
        spawning = multiprocessing.get_context("spawn")  # a fork of threads that compute can hang
        self._connection, far_end = spawning.Pipe()
        self._process = spawning.Process(target=_serve, args=(far_end, self._attempt), daemon=True)
        self._process.start()
        far_end.close()

    def _end(self) -> None:
        if self._process is not None:
            self._process.kill()
            self._process.join()
            self._connection.close()
            self._process = self._connection = None


def _serve(connection: Connection, attempt: Callable[[str], Trial]) -> None:
    transformers.logging.set_verbosity_error()  # type: ignore[no-untyped-call]  # of transformers
    while True:
        try:
            model_type = connection.recv()
        except EOFError:
            return
        connection.send(attempt(model_type))
