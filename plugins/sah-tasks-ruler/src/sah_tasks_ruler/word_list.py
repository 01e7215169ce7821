"""`WordList`: a numbered list in which ten words come more often than the others, as a draft whose size is open."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Callable, Iterable, Sequence
from functools import cached_property
from itertools import accumulate
from random import Random
from typing import ClassVar, Final

from attrs import define, field, frozen

from .counter import TokenCounter
from .draft import Asked
from .haystacks import nothing_to_count

__all__ = ["COMMON", "Numbers", "Repeats", "WordList", "numbered", "repeated"]

COMMON: Final = 10
"""Words that come more often."""

_LEAST: Final = 20
"""Different words in the smallest list, as in RULER's smallest example."""


@frozen
class Repeats:
    """How often words come in a list."""

    common: int
    others: int


def repeated(words: Sequence[str], repeats: Repeats, rng: Random) -> list[str]:
    """The first ten words and the others, each as often as it should come, in a random order."""
    entries = [*(repeats.common * list(words[:COMMON])), *(repeats.others * list(words[COMMON:]))]
    rng.shuffle(entries)
    return entries


def numbered(words: Iterable[str]) -> str:
    """``1. word 2. word``, from 1."""
    return " ".join([f"{number}. {word}" for number, word in enumerate(words, 1)])


class Numbers:
    """Tokens of the numbers before words, which all lists share."""

    _TOGETHER: Final = 64
    """Numbers that are counted as one text, of which each has the same part."""

    def __init__(self, counter: TokenCounter) -> None:
        self._counter = counter
        self._sums = [0]

    def tokens(self, entries: int) -> int:
        """Of the first so many."""
        blocks, rest = divmod(entries, self._TOGETHER)
        while len(self._sums) <= blocks + 1:
            first = (len(self._sums) - 1) * self._TOGETHER + 1
            text = "".join([f" {number}." for number in range(first, first + self._TOGETHER)])
            self._sums.append(self._sums[-1] + self._counter.counts([text])[0])
        return self._sums[blocks] + (self._sums[blocks + 1] - self._sums[blocks]) * rest // self._TOGETHER


@define(slots=False)
class WordList:
    """See `sah_tasks_ruler.draft.Draft`; a size is a number of different words, the ten common ones among them."""

    asked: Asked
    opening: str
    """What stands before the list."""
    repeats: Repeats
    order: str
    """Seed of the order in which the words come."""
    words: Callable[[int], Sequence[str]]
    """Gives at least so many of the sample's words, or all of them; always the same, and the common ones first."""
    numbers: Numbers
    counter: TokenCounter
    least: ClassVar[int] = _LEAST
    _sums: list[int] = field(factory=lambda: [0], init=False)

    @cached_property
    def _fixed(self) -> int:
        common = sum(self.counter.pieces(_spaced(self.words(COMMON)[:COMMON])))
        return self.counter.counts([self.opening])[0] + (self.repeats.common - self.repeats.others) * common

    def most(self, tokens: int) -> int:
        """As many words as there is room for; no more than there are."""
        while self.estimate(known := len(self._sums) - 1) <= tokens and self._count_more(2 * known + _LEAST):
            if self._sums[-1] == 0:
                raise nothing_to_count(self.words(1)[0])
        return bisect_right(range(len(self._sums)), tokens, key=self.estimate) - 1

    def estimate(self, size: int) -> int:
        """The sum of opening, words and numbers, each counted with the space before it."""
        repeats = self.repeats
        entries = repeats.common * COMMON + repeats.others * (size - COMMON)
        return self._fixed + repeats.others * self._sums[size] + self.numbers.tokens(max(entries, 0))

    def context(self, size: int) -> str:
        """The list, in an order of each size's own."""
        return self.opening + numbered(repeated(self.words(size)[:size], self.repeats, Random(self.order)))

    def _count_more(self, number: int) -> bool:
        known = len(self._sums) - 1
        new = self.words(number)[known:number]
        self._sums.extend(list(accumulate(self.counter.pieces(_spaced(new)), initial=self._sums[-1]))[1:])
        return bool(new)


def _spaced(words: Iterable[str]) -> list[str]:
    return [f" {word}" for word in words]
