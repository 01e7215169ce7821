"""`Row`: one question about one context, with what should be answered; and a table of them."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Mapping
from typing import Any

from attrs import field, frozen

__all__ = ["COLUMNS", "Row", "digest_of"]

COLUMNS = ("context", "question", "answer_prefix", "answer", "max_new_tokens")
"""The columns that long-context sets on the Hugging Face hub share; ``answer`` is one string or a list of them."""


@frozen
class Row:
    """One sample: rows with the same context are answered from one reading of it."""

    context: str
    question: str
    answers: tuple[str, ...]
    """Each of them is right, unless the scorer says otherwise."""
    max_new_tokens: int
    answer_prefix: str = ""
    extra: Mapping[str, Any] = field(factory=dict)
    """Further columns of JSON values, for scorers that need them."""
    chat: bool = field(default=False, kw_only=True)
    """Whether context and question are put into one user turn of the model's chat template."""

    def to_dict(self) -> dict[str, Any]:
        """The five columns, ``chat`` where it is one, and the further ones; ``answer`` is always a list."""
        return {
            "context": self.context,
            "question": self.question,
            "answer_prefix": self.answer_prefix,
            "answer": list(self.answers),
            "max_new_tokens": self.max_new_tokens,
            **({"chat": True} if self.chat else {}),
            **self.extra,
        }


def digest_of(rows: Iterable[Row]) -> str:
    """SHA-256 over the rows in their order, as 64 hex digits; any changed letter changes it."""
    digest = hashlib.sha256()
    for row in rows:
        digest.update(json.dumps(row.to_dict(), sort_keys=True, ensure_ascii=False).encode())
        digest.update(b"\n")
    return digest.hexdigest()
