"""InfiniteBench's scorer of summaries (OpenBMB/InfiniteBench, src/compute_scores.py)."""

from __future__ import annotations

from typing import Final

from rouge_score.rouge_scorer import RougeScorer  # type: ignore[import-untyped]  # it has no types

from sah_bench.tasks.row import Row

__all__ = ["summary"]

_SCORER: Final = RougeScorer(["rougeLsum"], use_stemmer=False)


def summary(prediction: str, row: Row) -> float:
    """``longbook_sum_eng``: F of ROUGE-Lsum, by lines and without stemming, as Hugging Face's evaluate gives it."""
    return float(_SCORER.score_multi(row.answers, prediction)["rougeLsum"].fmeasure)
