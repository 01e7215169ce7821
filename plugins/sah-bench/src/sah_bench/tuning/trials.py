"""`Trials`: the configs that are tried of one method, proposed by Optuna and kept in its storage."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any, Literal

import attrs
from attrs import frozen

from sah_core.errors import ConfigError

from .best import best_of, closest_to
from .neighbours import neighbour
from .result import Figures, TrialResult, Value

if TYPE_CHECKING:
    from optuna import Study
    from optuna.storages import BaseStorage
    from optuna.trial import FrozenTrial

    from sah_bench.config.tune import BudgetConfig

    from .space import Space

__all__ = ["TRIES", "Asked", "State", "Trials"]

State = Literal["complete", "pruned", "failed"]
"""How a trial ended."""

STARTUP = 4
"""Trials that are drawn at random before the sampler has something to go by."""
GUIDED = 20
"""Proposals in a row that may be of no use before the next ones are drawn at random."""
TRIES = 100
"""Proposals in a row that may be of no use before there are taken to be no others."""
DIGITS = 4
"""Of a fraction that is tried."""

_RESULT = "result"
"""The attribute of a trial that holds what came of it."""
_OVER = "over budget"
"""The constraint: what it costs over the budget, as a share of it; not above 0 where it is within."""


@frozen
class Asked:
    """A config that is tried, and what came of it, if that is known."""

    number: int
    """Its place among those that are tried, from 0: the start."""
    kept: int
    """Its number in the storage, which has proposals that were of no use as well."""
    values: Mapping[str, Value]
    result: TrialResult | None


class Trials:
    """One method's trials: a multi-objective study of Optuna, score up and cost down, with the budget a constraint.

    What is proposed follows from the seed and from what is in the storage alone, so that a study that was killed goes
    on as if it had not been. Every other proposal is one of TPE (Bergstra et al. 2011; its multi-objective form: Ozaki
    et al. 2022), which counts trials without a result as bad, and so may propose several at once. The others are
    neighbours of the best trial within the budget, or of the cheapest one where none is: what is within a tight budget
    is a small part of a space, and TPE alone spends most of a few dozen trials outside of it.
    A proposal is of no use, and not tried, where a rule between fields forbids it, or where the same values were tried
    before. Trials without a result that a killed process left are tried first.
    """

    def __init__(self, storage: BaseStorage, name: str, space: Space, budget: BudgetConfig, seed: str) -> None:
        import optuna
        from optuna.trial import TrialState

        self._storage = storage
        self._name = name
        self._space = space
        self._budget = budget
        self._seed = seed
        self._distributions = space.distributions()
        if name in optuna.get_all_study_names(storage):
            self._study: Study = optuna.load_study(study_name=name, storage=storage)
        else:
            self._study = optuna.create_study(storage=storage, study_name=name, directions=["maximize", "minimize"])
        self._settle()
        if not self.asked and not self._study.get_trials(deepcopy=False, states=(TrialState.WAITING,)):
            self._study.enqueue_trial(dict(space.start_values()))

    @property
    def study(self) -> Study:
        """Optuna's own view of it."""
        return self._study

    @property
    def asked(self) -> list[Asked]:
        """Every config that is tried, in the order in which they were proposed."""
        found: list[Asked] = []
        for trial in self._whole():
            if _counts(trial):
                kept = trial.user_attrs.get(_RESULT) if trial.state.is_finished() else None
                values = self._values(trial.params)
                found.append(Asked(len(found), trial.number, values, _result(len(found), values, kept)))
        return found

    @property
    def results(self) -> tuple[TrialResult, ...]:
        """Of those that are done."""
        return tuple(each.result for each in self.asked if each.result is not None)

    def propose(self) -> Asked | None:
        """Another config to try; None where `TRIES` proposals in a row were of no use."""
        from optuna.trial import TrialState

        while (useless := self._useless_in_a_row()) < TRIES:
            number = len(self._whole())
            if not self._study.get_trials(deepcopy=False, states=(TrialState.WAITING,)):
                self._prepare(number, guided=useless < GUIDED)
            before = self.asked
            trial = self._study.ask(self._distributions)
            if self._useful(self._values(trial.params), before):
                return self.asked[-1]
            self._study.tell(trial.number, state=TrialState.FAIL)
        return None

    def _prepare(self, number: int, *, guided: bool) -> None:
        """Settle where the next proposal comes from: TPE and the best trial's neighbours take turns."""
        from optuna.samplers import RandomSampler, TPESampler

        seed = self._seed_of(number)
        self._study.sampler = RandomSampler(seed=seed)
        if not guided:
            return
        self._study.sampler = TPESampler(seed=seed, multivariate=True, constant_liar=True, n_startup_trials=STARTUP)
        results = self.results
        near = best_of(results, self._budget.of, self._budget.at_most) or closest_to(results, self._budget.of)
        if number % 2 and near is not None:
            self._study.enqueue_trial(neighbour(near.values, self._distributions, seed))

    def tell(self, asked: Asked, state: State, figures: Figures | None, why: str | None = None) -> None:
        """Keep what came of a trial, and why it was pruned or failed.

        Of one that is pruned for its cost the sampler learns by how much it is over the budget.
        """
        import optuna
        from optuna.trial import TrialState

        trial = optuna.Trial(self._study, self._storage.get_trial_id_from_study_id_trial_number(self._id, asked.kept))
        trial.set_user_attr(
            _RESULT, {"state": state, "figures": None if figures is None else attrs.asdict(figures), "why": why}
        )
        if figures is None:
            self._study.tell(asked.kept, state=TrialState.FAIL)
            return
        cost = figures.cost(self._budget.of)
        if _OVER not in self._trial(asked.kept).constraints:  # else a process was killed just here
            trial.set_constraint(_OVER, cost / self._budget.at_most - 1)
        if state == "complete":
            self._study.tell(asked.kept, (figures.score, cost))
        else:
            self._study.tell(asked.kept, state=TrialState.PRUNED)

    @property
    def _id(self) -> int:
        return self._storage.get_study_id_from_name(self._name)

    def _trial(self, kept: int) -> FrozenTrial:
        return self._study.get_trials(deepcopy=False)[kept]

    def _whole(self) -> list[FrozenTrial]:
        """Those whose values are all there; a process may have been killed while it wrote them."""
        return [
            each for each in self._study.get_trials(deepcopy=False) if self._distributions.keys() <= each.params.keys()
        ]

    def _values(self, given: Mapping[str, Any]) -> dict[str, Value]:
        """What is tried for what was proposed: fractions have four digits, as nobody wants more in a config."""
        values: dict[str, Value] = {}
        for each in self._space.ranges():
            value = given[each.name]
            if isinstance(value, float) and value != each.start and each.low is not None and each.high is not None:
                value = min(max(float(f"{value:.{DIGITS}g}"), each.low), each.high)
            values[each.name] = value
        return values

    def _settle(self) -> None:
        """Give up those that a killed process had not come to try."""
        from optuna.trial import TrialState

        whole = {each.number for each in self._whole()}
        for trial in self._study.get_trials(states=(TrialState.RUNNING,)):
            tried = [each for each in self.asked if each.kept < trial.number]
            if trial.number not in whole or not self._useful(self._values(trial.params), tried):
                self._study.tell(trial.number, state=TrialState.FAIL)

    def _useful(self, values: Mapping[str, Value], tried: Sequence[Asked]) -> bool:
        if any(values == each.values for each in tried):
            return False
        try:
            self._space.config(values)
        except ConfigError:
            return False
        return True

    def _useless_in_a_row(self) -> int:
        count = 0
        for trial in reversed(self._whole()):
            if _counts(trial):
                break
            count += 1
        return count

    def _seed_of(self, number: int) -> int:
        text = f"{self._seed}/{number}"
        return int.from_bytes(hashlib.sha256(text.encode()).digest()[:4], "big")


def _counts(trial: FrozenTrial) -> bool:
    """Whether it is tried: it has a result, or waits for one."""
    return not trial.state.is_finished() or _RESULT in trial.user_attrs


def _result(number: int, values: Mapping[str, Value], kept: Mapping[str, Any] | None) -> TrialResult | None:
    if kept is None:
        return None
    figures = None if kept["figures"] is None else Figures(**kept["figures"])
    return TrialResult(number, values, kept["state"], figures, kept["why"])
