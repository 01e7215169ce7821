"""What needles are hidden in, line by line: RULER's noise, or needles that nobody asks for."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Callable, Sequence
from itertools import islice
from random import Random
from typing import Final, Literal, Protocol

from sah_core.errors import ConfigError

from .counter import TokenCounter

__all__ = ["Haystack", "Needles", "Noise", "nothing_to_count"]

_SENTENCES: Final = (
    "The grass is green.",
    "The sky is blue.",
    "The sun is yellow.",
    "Here we go.",
    "There and back again.",
)
_NOISE: Final = " ".join(_SENTENCES)


class Haystack(Protocol):
    """Text of any size, among which statements are hidden."""

    def least(self, hidden: int) -> int:
        """The smallest size in which so many statements can be hidden."""

    def most(self, tokens: int) -> int:
        """The largest size of about so many tokens at most."""

    def estimate(self, size: int) -> int:
        """About how many tokens the haystack has, without what is hidden."""

    def around(self, hidden: Sequence[str], size: int, rng: Random) -> str:
        """The haystack with each statement hidden once, in their order, at random places."""


class Noise:
    """RULER's noise: the same line again and again; a size is a number of lines, or of sentences, five a line.

    In sentences, the last line may have some of them only, for lengths in which a line (some 25 tokens) is much.
    """

    def __init__(self, counter: TokenCounter, unit: Literal["line", "sentence"]) -> None:
        self._first = [_NOISE] if unit == "line" else [" ".join(_SENTENCES[:count]) for count in range(1, 6)]
        two = "\n".join([_NOISE, _NOISE])
        tokens = counter.counts([two, *(f"{two}\n{first}" for first in self._first)])
        self._sums = [count - tokens[0] for count in tokens]
        if self._sums[-1] < 1:
            raise nothing_to_count(_NOISE)

    def least(self, hidden: int) -> int:
        """As many lines as statements, no two of which are hidden at the same place."""
        return hidden * len(self._first)

    def most(self, tokens: int) -> int:
        """As much as there is room for."""
        lines, rest = divmod(max(tokens, 0), self._sums[-1])
        return lines * len(self._first) + bisect_right(self._sums[:-1], rest) - 1

    def estimate(self, size: int) -> int:
        """Each line has as many tokens as any other."""
        lines, rest = divmod(size, len(self._first))
        return lines * self._sums[-1] + self._sums[rest]

    def around(self, hidden: Sequence[str], size: int, rng: Random) -> str:
        """Lines; a statement is a line of its own before one of the noise."""
        lines, rest = divmod(size, len(self._first))
        return _among([_NOISE] * lines + self._first[:rest][-1:], hidden, rng)


class Needles:
    """Lines like the needles themselves, other ones for each sample; a size is a number of lines.

    ``line`` makes another one every time, and ``tokens`` is the mean of such lines. All that are needed are made once,
    so that each size has the first of them.
    """

    def __init__(self, tokens: float, line: Callable[[], str]) -> None:
        self._tokens = tokens
        self._line = line
        self._lines: list[str] = []

    def least(self, hidden: int) -> int:
        """As many lines as statements; see `Noise.least`."""
        return hidden

    def most(self, tokens: int) -> int:
        """As many lines as there is room for, by their mean."""
        return int(tokens / self._tokens)

    def estimate(self, size: int) -> int:
        """By the lines' mean."""
        return int(size * self._tokens)

    def around(self, hidden: Sequence[str], size: int, rng: Random) -> str:
        """Lines; a statement is one among others like it."""
        return _among(self._first(size), hidden, rng)

    def _first(self, size: int) -> list[str]:
        while len(self._lines) < size:
            self._lines.append(self._line())
        return list(islice(self._lines, size))


def nothing_to_count(text: str) -> ConfigError:
    """The error where a haystack could grow for ever."""
    return ConfigError(f"the tokenizer makes no token of {text!r}, so no length can be filled with such text")


def _among(lines: list[str], hidden: Sequence[str], rng: Random) -> str:
    places = sorted(rng.sample(range(len(lines)), len(hidden)))
    for before, (place, statement) in enumerate(zip(places, hidden, strict=True)):
        lines.insert(place + before, statement)
    return "\n".join(lines)
