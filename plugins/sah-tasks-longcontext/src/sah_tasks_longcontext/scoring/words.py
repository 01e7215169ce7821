"""Words of an English answer as SQuAD's script compares them, which nearly every set has taken over, and their F1."""

from __future__ import annotations

import re
import string
from collections import Counter
from collections.abc import Sequence
from typing import Final

__all__ = ["common_words", "normalized"]

_ARTICLES: Final = re.compile(r"\b(a|an|the)\b")
_NO_PUNCTUATION: Final = str.maketrans("", "", string.punctuation)


def normalized(text: str) -> str:
    """Lower case, without ASCII punctuation and English articles, one space between words (Rajpurkar et al. 2016)."""
    return " ".join(_ARTICLES.sub(" ", text.lower().translate(_NO_PUNCTUATION)).split())


def common_words(said: Sequence[str], expected: Sequence[str]) -> float:
    """F1 of words: with c in common, each as often as both have it, ``2 c / (len(said) + len(expected))``; or 0."""
    common = (Counter(said) & Counter(expected)).total()
    return 2 * common / (len(said) + len(expected)) if common else 0.0
