"""The scorers that come with this package. Each takes any text, and gives 0 (wrong) to 1 (right)."""

from __future__ import annotations

import string
import unicodedata
from collections import Counter
from typing import Final

from sah_bench.tasks.row import Row

__all__ = ["contains", "exact", "f1"]

_ARTICLES: Final = frozenset({"a", "an", "the"})


def exact(prediction: str, row: Row) -> float:
    """1 where the prediction is a right answer to the letter; white space around either does not count."""
    return float(prediction.strip() in {answer.strip() for answer in row.answers})


def f1(prediction: str, row: Row) -> float:
    """Words in common with the nearest right answer, as SQuAD counts them (Rajpurkar et al. 2016, section 6.1).

    Of p words in the prediction and a in the answer c are common, each as often as both have it::

        F1 = 2 c / (p + a)

    Words are what white space parts, without case, punctuation and English articles. Beyond SQuAD's script, which
    knows ASCII only, case and punctuation are Unicode's, and a text of nothing but articles or punctuation keeps them.
    """
    said = _words(prediction)
    return max((_common(said, _words(answer)) for answer in row.answers), default=0.0)


def contains(prediction: str, row: Row) -> float:
    """1 where a right answer occurs in the prediction, whatever the case and the white space between words.

    Part of a word is enough; an empty answer occurs in an empty prediction only.
    """
    said = _spaced(prediction)
    answers = (_spaced(answer) for answer in row.answers)
    return float(any(answer in said if answer else not said for answer in answers))


def _common(said: list[str], expected: list[str]) -> float:
    if not said and not expected:
        return 1.0
    return 2 * (Counter(said) & Counter(expected)).total() / (len(said) + len(expected))


def _words(text: str) -> list[str]:
    all_words = _folded(text).split()
    bare = ["".join(letter for letter in word if not _is_punctuation(letter)) for word in all_words]
    words = [word for word in bare if word]
    return [word for word in words if word not in _ARTICLES] or words or all_words


def _is_punctuation(letter: str) -> bool:
    return letter in string.punctuation or unicodedata.category(letter).startswith("P")


def _spaced(text: str) -> str:
    return " ".join(_folded(text).split())


def _folded(text: str) -> str:
    """Without case; and one form of letters that Unicode can write in several ways."""
    return unicodedata.normalize("NFKC", unicodedata.normalize("NFKC", text).casefold())
