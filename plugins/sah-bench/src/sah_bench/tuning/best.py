"""Which trials of a method are worth a look: the best one within the budget, and those that no other one beats."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from .result import Cost, Figures, TrialResult

__all__ = ["best_of", "closest_to", "front_of"]


def best_of(trials: Iterable[TrialResult], of: Cost, budget: float) -> TrialResult | None:
    """The complete trial with the highest score of those that cost no more than the budget; None where none does.

    Of equal scores the cheapest, and of these the first.
    """
    within = [(each, figures) for each, figures in _complete(trials) if figures.cost(of) <= budget]
    ranked = sorted(within, key=lambda pair: (-pair[1].score, pair[1].cost(of), pair[0].number))
    return ranked[0][0] if ranked else None


def front_of(trials: Iterable[TrialResult], of: Cost) -> tuple[int, ...]:
    """Numbers of the complete trials that no other one beats, by rising cost; of equal ones the first.

    One trial beats another where its score is no lower, its cost no higher, and one of both is better. The best trial
    within any budget is one of them.
    """
    ranked = sorted(_complete(trials), key=lambda pair: (pair[1].cost(of), -pair[1].score, pair[0].number))
    front: list[int] = []
    highest = float("-inf")
    for trial, figures in ranked:
        if figures.score > highest:
            front.append(trial.number)
            highest = figures.score
    return tuple(front)


def closest_to(trials: Sequence[TrialResult], of: Cost) -> TrialResult | None:
    """The trial that cost least, complete or not; None where none has figures."""
    known = [(trial.figures.cost(of), trial.number, trial) for trial in trials if trial.figures is not None]
    return min(known)[2] if known else None


def _complete(trials: Iterable[TrialResult]) -> list[tuple[TrialResult, Figures]]:
    return [(each, each.figures) for each in trials if each.state == "complete" and each.figures is not None]
