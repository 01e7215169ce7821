"""Common words extraction (cwe): the ten words of a numbered list that come more often than all others."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from random import Random
from typing import ClassVar, Final

from .counter import TokenCounter
from .draft import Asked
from .fresh import Fresh
from .word_list import COMMON, Numbers, Repeats, WordList, numbered, repeated
from .words import english_words

__all__ = ["CommonWords"]

_HEAD: Final = (
    "Below is a numbered list of words. In these words, some appear more often than others. "
    "Memorize the ones that appear most often.\n"
)
_QUESTION: Final = "\nQuestion: What are the 10 most common words in the above list?"
_PREFIX: Final = " Answer: The top 10 words that appear most often in the list are:"

_LONG: Final = 4096
"""The length from which on words come more often."""


class CommonWords:
    """Drafts of cwe: a list of which ten words come 30 times and all others 3 times, after an example with its answer.

    Below a length of 4096 it is 6 times and once, and the example is shorter. No word of the answer is in the example;
    RULER leaves that to chance. A list for which wonderwords has too few words (8166; enough for some 128K tokens) is
    of adjectives and nouns with a hyphen between, as niah's keys are; RULER then takes another list, which it brings.
    """

    max_new_tokens: ClassVar[int] = 120
    number: ClassVar[None] = None

    def __init__(self, length: int, seed: int, counter: TokenCounter) -> None:
        self._seed = seed
        self._counter = counter
        long = length >= _LONG
        self._repeats = Repeats(30, 3) if long else Repeats(6, 1)
        self._example_repeats = Repeats(10, 3) if long else Repeats(3, 1)
        self._example_words = 40 if long else 20
        self._numbers = Numbers(counter)
        words = english_words().all
        others = self._repeats.others
        tokens = others * counter.counts([" ".join(words)])[0]
        self._in_pairs = tokens < length and tokens + self._numbers.tokens(others * len(words)) < length

    def draft(self, number: int) -> WordList:
        """A sample; see `sah_tasks_ruler.draft.Source`."""
        name = f"ruler cwe {self._seed} {number}"
        rng = Random(name)
        words = _pairs(Random(f"{name} pairs")) if self._in_pairs else _single(rng)
        common = words(COMMON)[:COMMON]
        known = english_words().all
        apart = [word for word in rng.sample(known, self._example_words + COMMON) if word not in common]
        example = apart[: self._example_words]
        listed = numbered(repeated(example, self._example_repeats, rng))
        opening = f"{_HEAD}{listed}{_QUESTION}{_PREFIX} {numbered(example[:COMMON])}\n{_HEAD}"
        asked = Asked(_QUESTION, _PREFIX, tuple(common))
        return WordList(asked, opening, self._repeats, f"{name} order", words, self._numbers, self._counter)


def _single(rng: Random) -> Callable[[int], Sequence[str]]:
    known = english_words().all
    words = rng.sample(known, len(known))
    return lambda number: words


def _pairs(rng: Random) -> Callable[[int], Sequence[str]]:
    fresh = Fresh()
    words: list[str] = []

    def first(number: int) -> Sequence[str]:
        while len(words) < number:
            words.append(fresh.drawn(lambda: "-".join(english_words().pair(rng))))
        return words

    return first
