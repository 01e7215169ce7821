"""Follow an answer while it is generated: its text piece by piece, and when its first token came."""

from __future__ import annotations

import time
from collections.abc import Callable

from torch import Tensor
from transformers.generation.streamers import BaseStreamer

__all__ = ["AnswerStream"]


class AnswerStream(BaseStreamer):
    """Receives the tokens of one answer from ``generate``.

    ``on_text`` is given each piece of text, one token late: a token may complete a character that was half there, or
    change the spaces before it. The pieces joined are the answer. ``on_first`` is called when the first token is there.
    """

    def __init__(
        self,
        decode: Callable[[list[int]], str],
        on_text: Callable[[str], None] | None = None,
        on_first: Callable[[], None] | None = None,
    ) -> None:
        self._decode = decode
        self._on_first = on_first
        self._on_text = on_text
        self._prompt_seen = False
        self._shown = ""
        self._latest = ""
        self.tokens: list[int] = []
        self.first_token_at: float | None = None

    def put(self, value: Tensor) -> None:
        """Take the prompt, which comes first, and then each token."""
        if not self._prompt_seen:
            self._prompt_seen = True
            return
        if self.first_token_at is None:
            self.first_token_at = time.perf_counter()
            if self._on_first is not None:
                self._on_first()
        self.tokens.extend(value.reshape(-1).tolist())
        if self._on_text is not None:
            before, self._latest = self._latest, self._decode(self.tokens)
            if self._latest.startswith(before):
                self._show(before.rstrip("\ufffd"))

    def end(self) -> None:
        """Show what was held back."""
        if self._on_text is not None:
            self._show(self._decode(self.tokens))

    def _show(self, text: str) -> None:
        if self._on_text is not None and len(text) > len(self._shown) and text.startswith(self._shown):
            self._on_text(text[len(self._shown) :])
            self._shown = text
