"""Where a prompt's context ends and its question begins: lm_eval's requests do not say.

A rule finds a place in the prompt's text; the tokens that end there or before are the context. Both parts have a token
at least: a question reads what was kept of a context.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from itertools import takewhile
from typing import Any, Literal, get_args

from attrs import frozen

from sah_core import ConfigError

__all__ = ["Seam", "SplitRule", "seam", "tokens_before"]

Kind = Literal["auto", "paragraph", "line", "tokens", "none"]


@frozen
class SplitRule:
    """What ``split=`` says.

    * ``auto``: where the text of the document's ``context_field`` occurs in the prompt for the last time, it ends the
      context; else as ``paragraph``, and where that finds nothing as ``line``.
    * ``paragraph``: the last blank line that has text before and behind it ends the context; ``line``: the last line
      break that has.
    * ``tokens:N``: the last N tokens are the question.
    * ``none``: all tokens but the last are the context. So it is where another rule finds nothing.
    """

    kind: Kind = "auto"
    tokens: int = 1
    context_field: str = "context"

    @property
    def said(self) -> str:
        """As it is written."""
        return f"tokens:{self.tokens}" if self.kind == "tokens" else self.kind

    @classmethod
    def parse(cls, text: Any = "auto", context_field: Any = "context") -> SplitRule:
        """From what lm_eval's ``--model_args`` hold; ConfigError where that is no rule."""
        kind, _, number = str(text).partition(":")
        counted = kind == "tokens"
        if kind not in get_args(Kind) or counted != (number != "") or (counted and not _positive(number)):
            raise ConfigError(f"split should be auto, paragraph, line, none or tokens:N with N from 1 up, not {text!r}")
        if not isinstance(context_field, str) or not context_field:
            raise ConfigError(f"context_field should be the name of a field of a document, not {context_field!r}")
        return cls(kind, int(number) if counted else 1, context_field)  # type: ignore[arg-type]  # it is one of Kind


@frozen
class Seam:
    """Where the context ends: after so many characters of the prompt, and by what that was found."""

    found_by: str
    """``field``, ``paragraph``, ``line``, ``tokens`` or ``last token``."""
    characters: int


def seam(prompt: str, doc: Any, rule: SplitRule) -> Seam:
    """Where the context of this prompt, made of a task's document, ends by this rule.

    By ``tokens`` and ``last token`` that is at the prompt's end: how many tokens stay behind is for who counts them.
    """
    if rule.kind == "tokens":
        return Seam("tokens", len(prompt))
    ways = {"auto": ("field", "paragraph", "line"), "none": ()}.get(rule.kind, (rule.kind,))
    for way in ways:
        end = _field_end(prompt, doc, rule.context_field) if way == "field" else _mark_end(prompt, _MARKS[way])
        if end is not None:
            return Seam(way, end)
    return Seam("last token", len(prompt))


def tokens_before(tokenizer: Any, text: str, tokens: Sequence[int], characters: int) -> int:
    """How many of a text's tokens, as ``tokenizer`` made them, end after so many characters or earlier.

    A fast tokenizer says where each token ends. Of another, and where it made the tokens in a way that cannot be told,
    it is the tokens that the text up to there, tokenized alone, begins with as well.
    """
    with_and_without = (True, False)  # special tokens
    if getattr(tokenizer, "is_fast", False):
        for special in with_and_without:
            encoded = tokenizer(text, add_special_tokens=special, return_offsets_mapping=True)
            if list(encoded["input_ids"]) == list(tokens):
                return sum(1 for _ in takewhile(lambda span: span[1] <= characters, encoded["offset_mapping"]))
    begun = (tokenizer(text[:characters], add_special_tokens=special)["input_ids"] for special in with_and_without)
    return max(_in_common(tokens, each) for each in begun)


_MARKS = {"paragraph": "\n\n", "line": "\n"}


def _in_common(first: Sequence[int], second: Sequence[int]) -> int:
    return sum(1 for _ in takewhile(lambda two: two[0] == two[1], zip(first, second, strict=False)))


def _positive(number: str) -> bool:
    return number.isascii() and number.isdecimal() and int(number) > 0


def _field_end(prompt: str, doc: Any, name: str) -> int | None:
    value = doc.get(name) if isinstance(doc, Mapping) else None
    text = value.strip() if isinstance(value, str) else ""  # a template may strip it, and what is around it
    place = prompt.rfind(text) if text else -1
    return None if place < 0 else place + len(text)


def _mark_end(prompt: str, mark: str) -> int | None:
    """Where the last mark ends that has text before and behind it."""
    text = prompt.rstrip()
    place = text.rfind(mark)
    return None if place < 0 or not text[:place].strip() else place + len(mark)
