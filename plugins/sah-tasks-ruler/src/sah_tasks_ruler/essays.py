"""`Essays`: a text of one's own as haystack, repeated where it is too short, as RULER does with Paul Graham's."""

from __future__ import annotations

import json
import re
from bisect import bisect_right
from collections.abc import Sequence
from itertools import accumulate
from pathlib import Path
from random import Random
from typing import Final

from sah_bench.tasks.configs import FILE_ENDINGS
from sah_bench.tasks.records import read_records, shown
from sah_core.errors import ConfigError

from .counter import TokenCounter
from .haystacks import nothing_to_count

__all__ = ["Essays", "read_essays"]

_DEPTHS: Final = tuple(round(100 * place / 39) for place in range(40))
"""In percent of the sentences: where RULER hides needles."""

_AT_ONCE: Final = 1024
"""Words that are looked at together."""

_LAST_WORD: Final = re.compile("[.!?][\"'\u201d\u2019)\\]]*$")
_FIRST_WORD: Final = re.compile("[\"'\u201c\u2018(\\[]*[A-Z0-9]")


class Essays:
    """The first words of a text, and again from its beginning where it has no more; a size is a number of words.

    White space is one space each. Statements are hidden between sentences, which a rule tells apart: a word with a full
    stop, and one with a capital after it. RULER asks NLTK's punkt, which knows abbreviations, too.
    """

    def __init__(self, words: Sequence[str], counter: TokenCounter) -> None:
        self.words = words
        self.text = " ".join(words)
        self._counter = counter
        self._repeated = self.text
        # Of the first words, so many as were needed yet: where each begins, the sum of tokens, where sentences end.
        self._starts = [0]
        self._sums = [0]
        self._ends: list[int] = []

    @property
    def tokens(self) -> int:
        """About how many the whole text has."""
        while self._know_more():
            pass
        if self._sums[-1] == 0:
            raise nothing_to_count(self.words[0])
        return self._sums[-1]

    def least(self, hidden: int) -> int:
        """As many words as statements."""
        return hidden

    def most(self, tokens: int) -> int:
        """As many words as there is room for."""
        while self._sums[-1] <= tokens and self._know_more():
            pass
        times, rest = divmod(max(tokens, 0), self.tokens) if self._sums[-1] <= tokens else (0, tokens)
        return times * len(self.words) + bisect_right(self._sums, rest) - 1

    def estimate(self, size: int) -> int:
        """The sum of the words' tokens, each counted with the space before it."""
        times, rest = self._times(size)
        return (times * self.tokens if times else 0) + self._sums[rest]

    def around(self, hidden: Sequence[str], size: int, rng: Random) -> str:
        """Statements between sentences, at other ones of RULER's 40 depths; a space parts what stands side by side."""
        ends = self._ends_of_sentences(size)
        places = [len(ends) * depth // 100 for depth in sorted(rng.sample(_DEPTHS, len(hidden)))]
        cuts = [ends[place - 1] if place else 0 for place in places]
        parts = []  # an empty one where nothing stands between two, and RULER has its space, too
        for start, end, statement in zip([0, *cuts], [*cuts, size], [*hidden, None], strict=True):
            parts.append(self._slice(start, end))
            if statement is not None:
                parts.append(statement)
        return " ".join(parts)

    def _ends_of_sentences(self, size: int) -> list[int]:
        """Of each sentence, the words up to its end; the last one ends where the words do."""
        times, rest = self._times(size)
        ends = [time * len(self.words) + end for time in range(times) for end in self._ends]
        ends += [times * len(self.words) + end for end in self._ends[: bisect_right(self._ends, rest)]]
        return ends if ends and ends[-1] == size else [*ends, size]

    def _slice(self, start: int, end: int) -> str:
        if start == end:
            return ""
        while len(self._repeated) <= self._letters(end):
            self._repeated += f" {self._repeated}"
        return self._repeated[self._letters(start) : self._letters(end) - 1]

    def _letters(self, words: int) -> int:
        times, rest = self._times(words)
        return times * (len(self.text) + 1) + self._starts[rest]

    def _times(self, words: int) -> tuple[int, int]:
        """How often so many words take the whole text, and how many words come then, about which all is known."""
        times, rest = divmod(words, len(self.words))
        while (times or len(self._sums) <= rest) and self._know_more():
            pass
        return times, rest

    def _know_more(self) -> bool:
        known = len(self._sums) - 1
        new = self.words[known : known + _AT_ONCE]
        self._sums += list(accumulate(self._counter.pieces(f" {word}" for word in new), initial=self._sums[-1]))[1:]
        self._starts += list(accumulate((len(word) + 1 for word in new), initial=self._starts[-1]))[1:]
        after = [*self.words[known + 1 : known + len(new) + 1], "The"]  # the last sentence ends with the text
        self._ends += [
            known + number
            for number, (word, follows) in enumerate(zip(new, after, strict=False), 1)
            if known + number == len(self.words) or (_LAST_WORD.search(word) and _FIRST_WORD.match(follows))
        ]
        return bool(new)


def read_essays(path: str) -> list[str]:
    """The words of a file of essays: of the column ``text`` of .json, .jsonl, .csv and .parquet, else of all of it.

    A .json file may be one object with its ``text``, too, as RULER's PaulGrahamEssays.json is. Raises ConfigError, in
    one sentence, for a file that cannot be read, has no such column, or no words.
    """
    if not path.lower().endswith(FILE_ENDINGS):
        words = _read(path).split()
    elif (alone := _only_object(path)) is not None:
        words = _text(path, alone).split()
    else:
        words = [word for record in read_records(path) for word in _text(record.place, record.values).split()]
    if not words:
        raise ConfigError(f"{path} has no words, and its text should be what needles are hidden in")
    return words


def _read(path: str) -> str:
    try:
        return Path(path).read_bytes().decode("utf-8-sig")
    except FileNotFoundError as error:
        raise ConfigError(f"{path}: there is no such file, and it should hold essays") from error
    except UnicodeDecodeError as error:
        raise ConfigError(f"{path}: no UTF-8 text (byte 0x{error.object[error.start]:02x})") from error
    except (OSError, ValueError) as error:  # ValueError: a name that is none
        raise ConfigError(f"{path}: the file cannot be read: {getattr(error, 'strerror', None) or error}") from error


def _only_object(path: str) -> dict[str, object] | None:
    if not path.lower().endswith(".json"):
        return None
    try:
        found = json.loads(_read(path))
    except (ValueError, RecursionError):
        return None  # read_records says what is wrong with it
    return found if isinstance(found, dict) else None


def _text(place: str, values: dict[str, object]) -> str:
    if "text" not in values:
        raise ConfigError(f"{place}: has no column 'text', where essays are; its columns are {', '.join(values)}")
    text = values["text"]
    if not isinstance(text, str):
        raise ConfigError(f"{place}: text should be a string, not {shown(text)}")
    return text
