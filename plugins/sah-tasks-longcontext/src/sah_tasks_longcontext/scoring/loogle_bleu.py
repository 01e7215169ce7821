"""LooGLE's BLEU-1 and BLEU-4: the precision of words, and of four words in a row, with BLEU's brevity penalty.

Of a prediction of c words and an answer of r, with m n-grams in common, each as often as both have it::

    BLEU-n = min(1, exp(1 - r / c))  *  m / (c - n + 1)

Its script (Evaluation/automatic_metrics.py) takes them from NLTK's ``sentence_bleu`` with all weight on one order, so
BLEU-4 is not the usual mean of four orders. Words are what white space parts.
"""

from __future__ import annotations

import math
from collections import Counter

from sah_bench.tasks.row import Row

__all__ = ["bleu_1", "bleu_4"]


def bleu_1(prediction: str, row: Row) -> float:
    """BLEU (Papineni et al. 2002) of words alone."""
    return _bleu(prediction, row, 1)


def bleu_4(prediction: str, row: Row) -> float:
    """BLEU (Papineni et al. 2002) of four words in a row alone."""
    return _bleu(prediction, row, 4)


def _bleu(prediction: str, row: Row, n: int) -> float:
    said, expected = (prediction or "None").split(), row.answers[0].split()  # None: as the script has it
    common = (_grams(said, n) & _grams(expected, n)).total()
    if not common:
        return 0.0
    return min(1.0, math.exp(1 - len(expected) / len(said))) * common / (len(said) - n + 1)


def _grams(words: list[str], n: int) -> Counter[tuple[str, ...]]:
    return Counter(tuple(words[at : at + n]) for at in range(len(words) - n + 1))
