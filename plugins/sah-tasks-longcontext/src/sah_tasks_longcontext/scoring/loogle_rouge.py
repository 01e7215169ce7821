"""LooGLE's ROUGE: recall, as its script takes it from the package ``rouge`` (Evaluation/automatic_metrics.py).

Words are what white space parts, sentences what ``.`` parts, case and other punctuation count, and n-grams are sets:
how often one occurs makes no difference.
"""

from __future__ import annotations

from collections.abc import Sized

from sah_bench.tasks.row import Row

from .sentences import common_subsequence, sentences

__all__ = ["rouge_1", "rouge_2", "rouge_l"]

Words = list[str]


def rouge_1(prediction: str, row: Row) -> float:
    """The part of the answer's words that the prediction has."""
    return _recall(prediction, row, 1)


def rouge_2(prediction: str, row: Row) -> float:
    """The part of the answer's pairs of words in a row that the prediction has."""
    return _recall(prediction, row, 2)


def rouge_l(prediction: str, row: Row) -> float:
    """The part of the answer's words that lie on longest common subsequences (Lin 2004, section 3.2).

    With a longest common subsequence of every sentence of the answer and every sentence of the prediction, the words on
    any of them, over all words of the answer.
    """
    said, expected = _said(prediction), sentences(row.answers[0])
    common = {word for there in expected for here in said for word in common_subsequence(there, here)}
    return _part(common, {word for sentence in expected for word in sentence})


def _recall(prediction: str, row: Row, n: int) -> float:
    said, expected = (
        {tuple(words[at : at + n]) for at in range(len(words) - n + 1)}
        for words in (_flat(_said(prediction)), _flat(sentences(row.answers[0])))
    )
    return _part(said & expected, expected)


def _part(found: Sized, of: Sized) -> float:
    return len(found) / len(of) if of else 0.0


def _flat(parts: list[Words]) -> Words:
    return [word for sentence in parts for word in sentence]


def _said(prediction: str) -> list[Words]:
    return sentences(prediction or "None")  # as the script has it
