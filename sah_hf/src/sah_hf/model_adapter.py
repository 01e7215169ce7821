"""`ModelAdapter`: what a benchmark, a command or a user asks of a model, whatever library runs it."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping
from contextlib import AbstractContextManager
from typing import TYPE_CHECKING, Any

from .reports.report import AnswerReport
from .requests.request import Request, RequestResponse

if TYPE_CHECKING:
    from sah_core import AttentionInputs, AttentionOutput

    from .contexts.read_context import ReadContext

__all__ = ["ModelAdapter"]


class ModelAdapter(ABC):
    """A model that answers requests, with sparse attention where its config has any."""

    @abstractmethod
    def read_context(self, request: Request) -> ReadContext:
        """Read a request's context once, for every adapter of the same model to answer from."""

    @abstractmethod
    def process_request(
        self,
        request: Request,
        generation: Mapping[str, Any] | None = None,
        *,
        measure_error: bool = False,
        on_text: Callable[[int, str], None] | None = None,
        on_answer: Callable[[int, str, AnswerReport], None] | None = None,
        on_call: Callable[[AttentionInputs, AttentionOutput], None] | None = None,
        on_progress: Callable[[int, int], None] | None = None,
        context: ReadContext | None = None,
    ) -> RequestResponse:
        """Answer a request's questions, each from its context alone.

        * ``generation``: overrides options for this request.
        * ``measure_error``: also compare each sparse attention output with the dense one.
        * ``on_text``: given a question's number and each new piece of its answer; ``on_answer``: the number, the whole
          answer once it is finished, and its report.
        * ``on_call``: given the inputs and the output of every sparse attention call, to look at; it changes neither.
          What that takes is part of the answer's seconds.
        * ``on_progress``: while the context is read, given how many of the model's layers are done, and of how many.
        * ``context``: the request's context, as `read_context` gave it: it is not read again, and stays as it is.
        """

    @abstractmethod
    def enable_sparse_mode(self) -> AbstractContextManager[Any]:
        """Within it, and for this thread alone, the model attends sparsely."""

    @abstractmethod
    def enable_dense_mode(self) -> AbstractContextManager[Any]:
        """Within it, and for this thread alone, the model attends densely, also inside a sparse mode."""
