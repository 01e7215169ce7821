"""ZeroSCROLLS' scorers of answers (Shaham et al. 2023, section 3.3); of several right answers the nearest counts."""

from __future__ import annotations

import re
import unicodedata
from itertools import combinations
from typing import Final

from sah_bench.tasks.row import Row

from .words import common_words, normalized

__all__ = ["accuracy", "concordance", "exponential_similarity", "f1"]

_LETTER: Final = re.compile(r"\b[A-D]\b")
_PERCENTAGE: Final = re.compile(r"([0-9]+\.?[0-9]*)%")
_NO_LIST: Final = re.compile(r"[^0-9\s,]")


def f1(prediction: str, row: Row) -> float:
    """``qasper``, ``narrative_qa``, ``musique``: F1 of words, as SQuAD's script normalizes them, without accents.

    The published code transliterates all of Unicode to ASCII with the package Unidecode. Here accents go, and letters
    that are written in several ways become one; other scripts stay as they are, in predictions and answers alike.
    """
    said = _words(prediction)
    return max(common_words(said, _words(answer)) for answer in row.answers)


def accuracy(prediction: str, row: Row) -> float:
    """``quality``: 1 where the first of the letters A to D that is a word of its own is the right one."""
    found = _LETTER.search(prediction)
    right = (_LETTER.search(answer) for answer in row.answers)
    return float(found is not None and any(letter is not None and letter.group() == found.group() for letter in right))


def exponential_similarity(prediction: str, row: Row) -> float:
    """``space_digest``: half for every ten points between the first percentage and the right one, p and q::

        ES = 2^(-|p - q| / 10)

    0 where the prediction has no number with a ``%``.
    """
    said = _percentage(prediction)
    expected = (_percentage(answer) for answer in row.answers)
    return max(0.0 if said is None or right is None else 0.5 ** (abs(right - said) / 10) for right in expected)


def concordance(prediction: str, row: Row) -> float:
    """``book_sum_sort``: the part of all pairs of chapters that are in the right order; 0 for no permutation of them.

    Of the prediction only digits, commas and white space are read, so what stands around the list has to have none.
    """
    said = _listed(prediction)
    return max(_concordance(said, _listed(answer)) for answer in row.answers)


def _words(text: str) -> list[str]:
    apart = unicodedata.normalize("NFKD", normalized(text))
    return "".join(letter for letter in apart if not unicodedata.combining(letter)).split()


def _percentage(text: str) -> float | None:
    found = _PERCENTAGE.search(text)
    return float(found.group(1)) if found else None


def _listed(text: str) -> list[str]:
    numbers = _NO_LIST.sub("", text).replace(",", " ").split()
    return [number.lstrip("0") or "0" for number in numbers]


def _concordance(said: list[str], expected: list[str]) -> float:
    if sorted(said) != sorted(expected):
        return 0.0
    place = {chapter: at for at, chapter in enumerate(said)}
    pairs = [place[first] < place[second] for first, second in combinations(expected, 2)]
    return sum(pairs) / len(pairs) if pairs else 1.0
