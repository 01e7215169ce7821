"""`KeptContext`: a context that was read once, with the indexes that its questions share, to be asked at any time."""

from __future__ import annotations

import os
import threading
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from sah_hf.contexts.read_context import ReadContext
from sah_hf.errors import RequestError
from sah_hf.modes.call_states import CallStates
from sah_hf.modes.sparse_mode import OnCall
from sah_hf.requests.listeners import Listeners, OnAnswer, OnText
from sah_hf.requests.request import RequestResponse, asked_of
from sah_hf.requests.tokens import RequestTokens, question_tokens

if TYPE_CHECKING:
    from sah_hf.adapter import ModelAdapterHF

__all__ = ["KeptContext"]


class KeptContext:
    """One context in the KV cache of an adapter's model, and what the adapter's maskers have learned of it.

    `ModelAdapterHF.context` and `load_context` make it. Every question runs on a fork of the cache, which itself never
    changes. The first question fits the maskers' indexes; later ones go on with them, and each leaves them as they are
    after the context. It keeps model, cache and indexes in memory for as long as it is kept itself.

    Threads may ask at the same time. Their questions take turns: they would share one model's processor anyway, and a
    second set of indexes would cost its memory and the time to fit it.
    """

    def __init__(
        self, adapter: ModelAdapterHF, read: ReadContext, *, chat: bool = False, states: CallStates | None = None
    ) -> None:
        self.adapter = adapter
        self.read = read
        """The same without indexes: what ``process_request(..., context=...)`` takes, of any adapter of the model."""
        self.chat = chat
        self.states = CallStates(len(read.tokens)) if states is None else states
        self._turn = threading.Lock()
        self._answering: int | None = None  # the thread whose turn it is

    def __repr__(self) -> str:
        megabytes = f"kv {self.kv_bytes / 1e6:.3g} MB, indexes {self.index_bytes / 1e6:.3g} MB"
        return f"KeptContext({len(self.tokens)} tokens of {self.adapter.name}, {megabytes})"

    @property
    def tokens(self) -> list[int]:
        """The context's, special tokens and the chat template before it included."""
        return self.read.tokens

    @property
    def seconds(self) -> float:
        """That reading took, now or before it was saved."""
        return self.read.seconds

    @property
    def kv_bytes(self) -> int:
        """Memory that the cache's tensors hold, whole: also what they are views of."""
        return self.read.nbytes

    @property
    def index_bytes(self) -> int:
        """What the maskers' indexes hold, as reports count it, not the room to grow into; 0 before a question."""
        return self.states.nbytes

    @property
    def nbytes(self) -> int:
        """All of it."""
        return self.kv_bytes + self.index_bytes

    def ask(
        self,
        questions: str | Sequence[str],
        answer_prefix: str = "",
        generation: Mapping[str, Any] | None = None,
        *,
        measure_error: bool = False,
        on_text: OnText | None = None,
        on_answer: OnAnswer | None = None,
        on_call: OnCall | None = None,
    ) -> RequestResponse:
        """Answer questions as `ModelAdapterHF.process_request` does, which says what the arguments are, and its errors.

        An exception while an answer is made, Ctrl-C too, costs the indexes: the next question fits them anew.
        Raises RequestError, too, where it is called from a callback of one of its own answers, and where the model's
        weights have changed since they read the context.
        """
        asked = asked_of(questions, answer_prefix)
        tokens = question_tokens(self.adapter.tokenizer, asked, answer_prefix, chat=self.chat)
        with self.turn():
            return self.adapter.process_tokens(
                RequestTokens(self.tokens, tokens),
                generation,
                chat=self.chat,
                single=isinstance(questions, str),
                measure_error=measure_error,
                listeners=Listeners(on_text, on_answer, on_call),
                context=self.read,
                states=self.states,
            )

    def save(self, folder: str | os.PathLike[str]) -> None:
        """Write tokens, cache and indexes to a folder, whole or not at all, for `ModelAdapterHF.load_context`.

        A saved context that is there already is replaced. Raises SavedContextError for a folder that holds anything
        else or cannot be written, RequestError where the model's weights have changed since they read the context.
        """
        from .saved_context import save_context

        with self.turn():
            self.read.check_weights()
            save_context(self, folder)

    @contextmanager
    def turn(self) -> Iterator[None]:
        """Within it, this thread alone uses the indexes."""
        thread = threading.get_ident()
        if self._answering == thread:
            raise RequestError(
                "this context is amid an answer in this thread, and was asked again by one of its callbacks: "
                "ask when the answer is finished"
            )
        with self._turn:
            self._answering = thread
            try:
                yield
            finally:
                self._answering = None
