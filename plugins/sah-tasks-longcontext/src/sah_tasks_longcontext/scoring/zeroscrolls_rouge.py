"""ZeroSCROLLS' ROUGE of summaries (Shaham et al. 2023, section 3.3)."""

from __future__ import annotations

from typing import Final

from rouge_score.rouge_scorer import RougeScorer  # type: ignore[import-untyped]  # it has no types

from sah_bench.tasks.row import Row

__all__ = ["rouge"]

_SCORER: Final = RougeScorer(["rouge1", "rouge2", "rougeL"], use_stemmer=True)


def rouge(prediction: str, row: Row) -> tuple[float, float, float]:
    """F-measures of ROUGE-1, ROUGE-2 and ROUGE-L, each with the reference where it is largest.

    The score of a set is the geometric mean of their three means, as SCROLLS' code has it. The paper's sentence, in
    which each instance has a geometric mean of its own, can be read otherwise; the code is followed.
    """
    best = _SCORER.score_multi(row.answers, prediction)
    return float(best["rouge1"].fmeasure), float(best["rouge2"].fmeasure), float(best["rougeL"].fmeasure)
