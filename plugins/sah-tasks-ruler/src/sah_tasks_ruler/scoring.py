"""RULER's two scorers. Each takes any text, and gives 0 (wrong) to 1 (right)."""

from __future__ import annotations

import re
from typing import Final

from sah_bench.tasks.row import Row

__all__ = ["ruler_all", "ruler_part"]

_CONTROL: Final = re.compile(r"[\x00-\x1f]")


def ruler_all(prediction: str, row: Row) -> float:
    """The share of the right answers that occur in the prediction: RULER's ``string_match_all``.

    Case does not count, part of a word is enough, and an empty answer occurs everywhere. White space around the
    prediction is left out, and its control characters are line breaks, as RULER's evaluate.py has it.
    """
    found = _found(prediction, row)
    return sum(found) / len(found) if found else 0.0


def ruler_part(prediction: str, row: Row) -> float:
    """1 where any of the right answers occurs in the prediction: RULER's ``string_match_part``; see `ruler_all`.

    The port in lm_eval takes the mean over a question's answers here, as `ruler_all` does; this is NVIDIA's.
    """
    return float(any(_found(prediction, row)))


def _found(prediction: str, row: Row) -> list[bool]:
    said = _CONTROL.sub("\n", prediction.strip()).strip().lower()
    return [answer.lower() in said for answer in row.answers]
