"""`Draft`: a sample of which only the size of its haystack is still open; and what is asked about it."""

from __future__ import annotations

from typing import Protocol

from attrs import frozen

__all__ = ["Asked", "Draft", "Source"]


@frozen
class Asked:
    """What comes after a context, as RULER writes it, and what is expected."""

    question: str
    """It begins with the line break that the template has after the context."""
    answer_prefix: str
    answers: tuple[str, ...]


class Draft(Protocol):
    """One sample; a size (lines, words, tokens of documents) makes a context of it, the same one every time."""

    @property
    def asked(self) -> Asked:
        """What is asked."""

    @property
    def least(self) -> int:
        """The smallest size that the task can have."""

    def most(self, tokens: int) -> int:
        """The largest size whose estimate is at most ``tokens``; less than `least` where there is none."""

    def estimate(self, size: int) -> int:
        """About how many tokens the context of this size has: the sum of those of its parts."""

    def context(self, size: int) -> str:
        """The context."""


class Source(Protocol):
    """Makes the drafts of one task, for one length, seed and tokenizer."""

    @property
    def max_new_tokens(self) -> int:
        """RULER's ``tokens_to_generate``."""

    @property
    def number(self) -> int | None:
        """How many drafts there are; None: any number."""

    def draft(self, number: int) -> Draft:
        """The draft with this number, from 0; no other draft has a part in it."""
