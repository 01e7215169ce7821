"""`ModelAdapter`: what a benchmark, a command or a user asks of a model, whatever library runs it."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping
from contextlib import AbstractContextManager
from typing import Any

from .request import Request, RequestResponse

__all__ = ["ModelAdapter"]


class ModelAdapter(ABC):
    """A model that answers requests, with sparse attention where its config has any."""

    @abstractmethod
    def process_request(
        self,
        request: Request,
        generation: Mapping[str, Any] | None = None,
        *,
        measure_error: bool = False,
        on_text: Callable[[int, str], None] | None = None,
        on_answer: Callable[[int, str], None] | None = None,
    ) -> RequestResponse:
        """Answer a request's questions, each from its context alone.

        ``generation`` overrides options for this request; ``measure_error`` also compares each sparse attention output
        with the dense one; ``on_text`` is given a question's number and each new piece of its answer, ``on_answer`` the
        number and the whole answer once it is finished.
        """

    @abstractmethod
    def enable_sparse_mode(self) -> AbstractContextManager[Any]:
        """Within it, and for this thread alone, the model attends sparsely."""

    @abstractmethod
    def enable_dense_mode(self) -> AbstractContextManager[Any]:
        """Within it, and for this thread alone, the model attends densely, also inside a sparse mode."""
