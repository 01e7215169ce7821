"""`TokenCounter`: how many tokens the adapter will make of a text, fast enough for millions of them."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from typing import Any, Final

__all__ = ["TokenCounter"]

_PROBE: Final = "1. The grass is green.\n\nVAR X = 12345: caf\u00e9"
_LETTERS_AT_ONCE: Final = 4_000_000
"""Of texts that are tokenized together, on as many cores as there are; each takes some 50 bytes a letter meanwhile."""


class TokenCounter:
    """Counts as `sah_hf.requests.tokens` does, which tokenizes context and question apart.

    The Rust tokenizer behind a fast one is asked directly and its tokens are only counted, not handed over; where it
    does not agree with the tokenizer itself, or there is none, the tokenizer is called.
    """

    def __init__(self, tokenizer: Any, *, chat: bool) -> None:
        self.tokenizer = tokenizer
        self.chat = chat
        self._pieces: dict[str, int] = {}
        backend = getattr(tokenizer, "backend_tokenizer", None) if getattr(tokenizer, "is_fast", False) else None
        encode = getattr(backend, "encode_batch_fast", None) or getattr(backend, "encode_batch", None)
        called = self._called(_PROBE)  # which also turns off a truncation that the tokenizer's file may have
        agrees = encode is not None and len(encode([_PROBE], add_special_tokens=False)[0]) == called
        self._encode = encode if agrees else None

    def counts(self, texts: Sequence[str]) -> list[int]:
        """Tokens of each text, without special ones: a real count, made anew."""
        encode = self._encode
        if encode is None:
            return [self._called(text) for text in texts]
        return [len(found) for batch in _batches(texts) for found in encode(batch, add_special_tokens=False)]

    def pieces(self, texts: Iterable[str]) -> list[int]:
        """Tokens of short texts that come again, each counted once and remembered."""
        texts = list(texts)
        new = list(dict.fromkeys(text for text in texts if text not in self._pieces))
        self._pieces.update(zip(new, self.counts(new), strict=True))
        return [self._pieces[text] for text in texts]

    def piece(self, text: str) -> int:
        """Tokens of one such text."""
        return self.pieces([text])[0]

    def before(self, context: str) -> int:
        """Tokens that the adapter puts before a context that begins like this one: special ones, or a chat's.

        Raises sah_hf's RequestError where the tokenizer makes no tokens, or has no chat template that could be split.
        """
        from sah_hf.requests.tokens import context_tokens

        return len(context_tokens(self.tokenizer, context, chat=self.chat)) - self.counts([context])[0]

    def question(self, question: str, answer_prefix: str) -> int:
        """Tokens of a question and the answer prefix, with what a chat has between them; errors as `before`."""
        from sah_hf.requests.tokens import question_tokens

        (tokens,) = question_tokens(self.tokenizer, [question], answer_prefix, chat=self.chat)
        return len(tokens)

    def _called(self, text: str) -> int:
        return len(self.tokenizer(text, add_special_tokens=False)["input_ids"])


def _batches(texts: Sequence[str]) -> Iterator[list[str]]:
    batch: list[str] = []
    letters = 0
    for text in texts:
        if batch and letters + len(text) > _LETTERS_AT_ONCE:
            yield batch
            batch, letters = [], 0
        batch.append(text)
        letters += len(text)
    if batch:
        yield batch
