"""When a trial is given up before all its samples are asked."""

from __future__ import annotations

from sah_bench.report.wording import plus_minus

from .result import Cost, Figures

__all__ = ["ERRORS_BELOW", "TOO_MUCH", "beaten", "over_budget"]

TOO_MUCH = 1.2
"""Times the budget; what costs more after the first rung is not within it after the last."""

ERRORS_BELOW = 2.0
"""Standard errors of the paired difference; what is further below the best is not the best."""


def over_budget(figures: Figures, of: Cost, budget: float) -> str | None:
    """Why a trial is given up for its cost so far: it is more than 20 % over the budget; None where it is not.

    A cost is a mean over samples, or a maximum, which later samples move a little: so what is a little over the budget
    goes on.
    """
    cost = figures.cost(of)
    return f"its {of} of {cost:.4g} is over the budget of {budget:.4g}" if cost > TOO_MUCH * budget else None


def beaten(difference: float, stderr: float | None, best: int) -> str | None:
    """Why a trial is given up for its score so far: it is clearly below that of the best trial yet, number ``best``.

    ``difference`` is its score less that trial's on the same samples, and ``stderr`` that difference's standard error,
    None where it is not known, and then nothing is clear. Clear is more than two standard errors.
    """
    if stderr is None or difference + ERRORS_BELOW * stderr >= 0:
        return None
    return f"its score is {plus_minus(-difference, stderr)} below that of trial {best} on the same samples"
