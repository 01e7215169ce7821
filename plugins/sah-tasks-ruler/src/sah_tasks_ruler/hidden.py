"""`Hidden`: a draft of statements that are hidden in a haystack, after an opening that does not change."""

from __future__ import annotations

from functools import cached_property
from random import Random

from attrs import define

from .counter import TokenCounter
from .draft import Asked
from .haystacks import Haystack

__all__ = ["Hidden"]


@define(slots=False)
class Hidden:
    """What niah and vt share; see `sah_tasks_ruler.draft.Draft`. A size is the haystack's."""

    asked: Asked
    opening: str
    """What stands before the haystack."""
    statements: tuple[str, ...]
    haystack: Haystack
    places: str
    """Seed of the places at which statements are hidden."""
    counter: TokenCounter

    @property
    def least(self) -> int:
        """What the haystack needs for its statements."""
        return self.haystack.least(len(self.statements))

    @cached_property
    def _fixed(self) -> int:
        return sum(self.counter.counts([self.opening, *(f"{statement}\n" for statement in self.statements)]))

    def most(self, tokens: int) -> int:
        """The haystack's, of what opening and statements leave."""
        return self.haystack.most(tokens - self._fixed)

    def estimate(self, size: int) -> int:
        """The haystack's, with opening and statements."""
        return self._fixed + self.haystack.estimate(size)

    def context(self, size: int) -> str:
        """The statements hidden at random places, each size at its own."""
        return self.opening + self.haystack.around(self.statements, size, Random(self.places))
