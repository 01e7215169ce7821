"""InfiniteBench's scorers of its tasks with numbers (OpenBMB/InfiniteBench, src/compute_scores.py)."""

from __future__ import annotations

import json
import re
from typing import Final

from sah_bench.tasks.row import Row

__all__ = ["first_number", "leading_values"]

_NUMBER: Final = re.compile(r"[0-9]+\.[0-9]+|[0-9]+")
_DIGITS: Final = re.compile(r"[0-9]+")


def first_number(prediction: str, row: Row) -> float:
    """``math_find``: 1 where the first number, its sign aside, is the answer.

    The published code stops at a decimal number where the answer is a whole one; here that is a wrong answer, or a
    right one where both are equal, as 7.0 and 7 are.
    """
    found = _NUMBER.search(prediction)
    return float(found is not None and any(float(found.group()) == float(answer) for answer in row.answers))


def leading_values(prediction: str, row: Row) -> float:
    """``math_calc``: the part of the values up to the first wrong one.

    Of n values v_i in the answer, and the runs of digits p_i in the prediction, k / n with k the largest number such
    that v_i = p_i for all i <= k. As published, the signs of the prediction are dropped, so a negative v_i ends it.
    """
    expected = [str(value) for value in json.loads(row.answers[0])]
    said = [digits.lstrip("0") or "0" for digits in _DIGITS.findall(prediction)]
    equal = 0
    for value, digits in zip(expected, said, strict=False):
        if value != digits:
            break
        equal += 1
    return equal / len(expected)
