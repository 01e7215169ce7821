"""Give each sample the largest haystack with which it still fits: estimate, make it, count it, correct."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from attrs import define, field, frozen

from .counter import TokenCounter
from .draft import Draft

__all__ = ["Fitted", "fit"]

_TOGETHER: Final = 8
"""Samples that are counted at once: several cores share them, and only so many are in memory twice."""

_TRIES: Final = 8
"""After so many, a sample that fits is good enough."""


@frozen
class Fitted:
    """A context that was counted and fits."""

    size: int
    context: str
    tokens: int


def fit(drafts: Sequence[Draft], rooms: Sequence[int], counter: TokenCounter) -> list[Fitted]:
    """The contexts of drafts, each of at most as many tokens as there is room for, by a real count of the final text.

    What is left of the room is less than one unit of the haystack, or than a thousandth of the room. Each draft has to
    fit with its least haystack. How far the first one's estimate was off is what the others begin with.
    """
    searches = [_Search(draft, room) for draft, room in zip(drafts, rooms, strict=True)]
    found = _finished(searches[:1], counter)
    for search in searches[1:]:
        search.off = searches[0].off
    for start in range(1, len(searches), _TOGETHER):
        found += _finished(searches[start : start + _TOGETHER], counter)
    return found


@define
class _Search:
    """The way to one sample's size."""

    draft: Draft
    room: int
    off: int = 0
    """Tokens that the last count had beyond the estimate."""
    best: Fitted | None = None
    tried: set[int] = field(factory=set)

    @property
    def spare(self) -> int:
        """As much room as may be left."""
        return self.room // 1000

    def next_size(self) -> int | None:
        """What to try now; None where the best is found."""
        best = self.best
        if best is not None and (self.room - best.tokens <= self.spare or len(self.tried) >= _TRIES):
            return None
        aim = self.room - self.spare // 2  # in the middle, so that an estimate may be off either way
        while True:
            size = max(self.draft.most(aim - self.off), self.draft.least)
            if best is not None and self.draft.estimate(size) + self.off <= best.tokens:
                return None
            if size not in self.tried:
                return size
            if best is not None or size == self.draft.least:
                return None
            aim -= 1

    def learn(self, size: int, context: str, tokens: int) -> None:
        """Take note of a context that was counted."""
        self.tried.add(size)
        self.off = tokens - self.draft.estimate(size)
        if tokens <= self.room and (self.best is None or tokens > self.best.tokens):
            self.best = Fitted(size, context, tokens)


def _finished(searches: Sequence[_Search], counter: TokenCounter) -> list[Fitted]:
    while sizes := [(search, size) for search in searches if (size := search.next_size()) is not None]:
        contexts = [search.draft.context(size) for search, size in sizes]
        for (search, size), context, tokens in zip(sizes, contexts, counter.counts(contexts), strict=True):
            search.learn(size, context, tokens)
    return [_best(search) for search in searches]


def _best(search: _Search) -> Fitted:
    if search.best is None:
        raise RuntimeError("a sample that fits with its least haystack was not found to fit")
    return search.best
