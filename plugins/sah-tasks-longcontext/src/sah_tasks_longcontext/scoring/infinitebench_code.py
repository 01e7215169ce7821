"""InfiniteBench's scorers of its tasks with code (OpenBMB/InfiniteBench, src/compute_scores.py)."""

from __future__ import annotations

import re
from typing import Final

from sah_bench.tasks.row import Row

__all__ = ["last_integer", "wrong_function"]

_RUN_SEPARATORS: Final = str.maketrans(dict.fromkeys("\n.`'\":", " "))
_DEBUG_SEPARATORS: Final = re.compile(r"[\n`'\"\-*]|[Oo]ption")
_SPACES: Final = re.compile(r" +")
_PREFIXES: Final = ("answer is:", "is:", "answer:")
"""In this order; the code also lists ``correct option is:``, which ``is:`` always precedes."""


def last_integer(prediction: str, row: Row) -> float:
    """``code_run``: 1 where the last word is the value; white space, stops, quotes and colons part words."""
    words = prediction.translate(_RUN_SEPARATORS).split()
    try:
        return float(bool(words) and str(int(words[-1])) in row.answers)
    except ValueError:  # no integer, or one of thousands of digits
        return 0.0


def wrong_function(prediction: str, row: Row) -> float:
    """``code_debug``: 1 where the prediction begins with the letter and ``.`` or ``:``, or names it after a prefix.

    ``row.answers`` are the function's name and its letter. After the first of the prefixes ``answer is:``, ``is:``
    and ``answer:`` that occurs, and one more character, the prediction has to go on with either. A letter alone, with
    neither stop nor prefix, scores 0, as it does in the published code.
    """
    name, letter = row.answers
    said = prediction.strip()
    if said[:2] in (f"{letter}.", f"{letter}:"):
        return 1.0
    said = _SPACES.sub(" ", _DEBUG_SEPARATORS.sub(" ", said))
    prefix = next((prefix for prefix in _PREFIXES if prefix in said), None)
    if prefix is None:
        return 0.0
    rest = said[said.index(prefix) + len(prefix) + 1 :]
    return float(rest.startswith((letter, name)))
