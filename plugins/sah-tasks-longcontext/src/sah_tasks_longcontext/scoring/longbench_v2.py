"""The scorer of LongBench v2 (Bai et al. 2024)."""

from __future__ import annotations

import re

from sah_bench.tasks.row import Row

__all__ = ["longbench_v2_choice"]


def longbench_v2_choice(prediction: str, row: Row) -> float:
    """1 where the prediction says "The correct answer is (A)", or the same without brackets, with the right letter.

    As the set's ``pred.py``: asterisks are left out, the first such sentence counts, those with brackets before those
    without, and case matters. A prediction without one is wrong; the set's "compensated" scores give it 0.25.
    """
    text = prediction.replace("*", "")
    found = re.search(r"The correct answer is \(([A-D])\)", text) or re.search(r"The correct answer is ([A-D])", text)
    return float(found is not None and found[1] in row.answers)
