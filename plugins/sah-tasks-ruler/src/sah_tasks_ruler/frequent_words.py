"""Frequent words extraction (fwe): the three coded words that come most often, in a text of words of Zipf's law."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Sequence
from functools import cached_property
from math import pi
from random import Random
from string import ascii_lowercase
from typing import ClassVar, Final

from attrs import define

from .counter import TokenCounter
from .draft import Asked
from .fresh import Fresh
from .haystacks import nothing_to_count

__all__ = ["CodedText", "FrequentWords"]

_HEAD: Final = (
    "Read the following coded text and track the frequency of each coded word. "
    "Find the three most frequently appeared coded words. "
)
_QUESTION: Final = (
    "\nQuestion: Do not provide any explanation. Please ignore the dots '....'. "
    "What are the three most frequently appeared words in the above coded text?"
)
_PREFIX: Final = " Answer: According to the coded text above, the three most frequently appeared words are:"
_DOTS: Final = "..."
_ASKED: Final = 3
_ZETA: Final = pi**2 / 6
"""Of RULER's alpha, 2: the sum of 1 / rank² over all ranks."""

_LEAST: Final = 74
"""From here on the third word always comes more often than the fourth: 74 (1/16 - 1/25) / zeta > 1."""

_LEAST_RANKS: Final = 6
"""Ranks whose words come at all where n is the least."""


class FrequentWords:
    """Drafts of fwe: coded words of six letters of which the word of rank k comes floor(n / (zeta(2) k²)) times.

    There are a fiftieth as many ranks as the length has tokens, and rank 1 is dots, which do not count. Words are drawn
    again until all are different and none is one of the template's; RULER does the first only.
    """

    max_new_tokens: ClassVar[int] = 50
    number: ClassVar[None] = None

    def __init__(self, length: int, seed: int, counter: TokenCounter) -> None:
        self._ranks = max(length // 50, _LEAST_RANKS)
        self._seed = seed
        self._counter = counter

    def draft(self, number: int) -> CodedText:
        """A sample; see `sah_tasks_ruler.draft.Source`."""
        name = f"ruler fwe {self._seed} {number}"
        rng = Random(name)
        fresh = Fresh(_HEAD + _QUESTION + _PREFIX)
        drawn = (fresh.drawn(lambda: "".join(rng.choices(ascii_lowercase, k=6))) for _ in range(1, self._ranks))
        ranked = (_DOTS, *drawn)
        asked = Asked(_QUESTION, _PREFIX, ranked[1 : 1 + _ASKED])
        return CodedText(asked, ranked, f"{name} order", self._counter)


@define(slots=False)
class CodedText:
    """See `sah_tasks_ruler.draft.Draft`; a size is the n of Zipf's law, somewhat more than there are words."""

    asked: Asked
    ranked: Sequence[str]
    """The words, the most frequent one first."""
    order: str
    """Seed of the order in which the words come."""
    counter: TokenCounter
    least: ClassVar[int] = _LEAST

    def most(self, tokens: int) -> int:
        """The largest n for which there is room."""
        beyond = _LEAST
        while self.estimate(beyond) <= tokens:
            if beyond > 1_000_000 * max(tokens, 1):  # not even a millionth of a token a word
                raise nothing_to_count(self.ranked[0])
            beyond *= 2
        return bisect_right(range(beyond), tokens, key=self.estimate) - 1

    def estimate(self, size: int) -> int:
        """The sum over the words, each counted with the space before it."""
        counts = self._counts(size)
        return self._head + sum(count * tokens for count, tokens in zip(counts, self._tokens(len(counts)), strict=True))

    def context(self, size: int) -> str:
        """All the words, in an order of each size's own."""
        words = [word for word, count in zip(self.ranked, self._counts(size), strict=False) for _ in range(count)]
        Random(self.order).shuffle(words)
        return _HEAD + " ".join(words)

    @cached_property
    def _head(self) -> int:
        return self.counter.piece(_HEAD)

    @cached_property
    def _known(self) -> list[int]:
        return []

    def _tokens(self, ranks: int) -> list[int]:
        known = self._known
        known.extend(self.counter.counts([f" {word}" for word in self.ranked[len(known) : ranks]]))
        return known[:ranks]

    def _counts(self, size: int) -> list[int]:
        """How often each word comes, without those that do not."""
        counts = []
        for rank in range(1, len(self.ranked) + 1):
            count = int(size / (_ZETA * rank**2))
            if count == 0:
                break
            counts.append(count)
        return counts
