"""Which parameters a study found to matter, for the score and for the cost."""

from __future__ import annotations

import warnings
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from optuna import Study
    from optuna.trial import FrozenTrial

__all__ = ["importance"]

ENOUGH = 8
"""Complete trials, from which on there is something to say."""
BEST = 0.25
"""The share of the trials that are compared with all of them; of 20 trials 5, fewer than which say little."""


def importance(study: Study) -> Mapping[str, Mapping[str, float]]:
    """For ``score`` and ``cost``, the part that each parameter has in a trial's being among the best quarter.

    By PED-ANOVA (Watanabe et al. 2023, arXiv:2304.10255), normalised to sum to 1; its evaluator needs no other package.
    A score or a cost that all complete trials share is left out, and where these are too few there is nothing.
    """
    from optuna.importance import PedAnovaImportanceEvaluator, get_param_importances
    from optuna.trial import TrialState

    complete = study.get_trials(deepcopy=False, states=(TrialState.COMPLETE,))
    if len(complete) < ENOUGH:
        return {}
    found: dict[str, Mapping[str, float]] = {}
    for place, (name, sign) in enumerate((("score", -1.0), ("cost", 1.0))):
        if len({trial.values[place] for trial in complete}) == 1:
            continue
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # it says that it takes the lowest values for the best, as they are here
            parts = get_param_importances(
                study, evaluator=PedAnovaImportanceEvaluator(target_quantile=BEST), target=_loss(place, sign)
            )
        found[name] = {parameter: float(part) for parameter, part in parts.items()}
    return found


def _loss(place: int, sign: float) -> Callable[[FrozenTrial], float]:
    return lambda trial: sign * trial.values[place]
