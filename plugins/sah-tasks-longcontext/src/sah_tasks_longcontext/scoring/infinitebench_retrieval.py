"""InfiniteBench's scorers of its retrieval tasks (OpenBMB/InfiniteBench, src/compute_scores.py)."""

from __future__ import annotations

import re
from typing import Final

from sah_bench.tasks.row import Row

__all__ = ["first_integer", "value"]

_DIGITS: Final = re.compile(r"[0-9]+")
_SEPARATORS: Final = str.maketrans(dict.fromkeys("\n:\"'.,?!{}", " "))


def first_integer(prediction: str, row: Row) -> float:
    """``passkey``, ``number_string``: 1 where the first run of digits is the answer, to the digit (zeros count)."""
    found = _DIGITS.search(prediction)
    return float(found is not None and found.group() in row.answers)


def value(prediction: str, row: Row) -> float:
    """``kv_retrieval``: 1 where the value is a word of the prediction; quotes and punctuation part words."""
    words = prediction.translate(_SEPARATORS).split()
    return float(any(answer in words for answer in row.answers))
