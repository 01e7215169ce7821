"""`search`: the trials of one method, a wave at a time, and in each wave seed by seed."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from sah_bench.report.cell_result import CellResult

from .asking import Asking
from .best import best_of
from .measured_figures import difference, figures_of, trouble
from .pruning import beaten, over_budget
from .result import Figures
from .trials import TRIES, Asked, Trials
from .waves import in_waves

if TYPE_CHECKING:
    from sah_bench.config.tune import MethodEntry

__all__ = ["search"]


def search(method: MethodEntry, trials: Trials, asking: Asking, wave: int) -> str | None:
    """Try configs until there are as many as the config says; a sentence where there are not so many to try.

    ``wave`` configs are tried at once: the same number gives the same trials, however often the study is killed. Each
    seed of the search is a rung. After each but the last, a trial is given up where its cost is too far over the budget
    (see `over_budget`), or where its score is clearly below that of the best trial of earlier waves on the same samples
    (see `beaten`); the start never is, as others are compared with it. With ``prune: false`` there is one rung of all
    seeds. A config that the model refuses is a failed trial.
    """
    wanted = asking.config.search.trials
    if in_waves(trials, wanted, wave, lambda before, asked: _Wave(method, trials, asking, before, asked).run()):
        return None
    return (
        f"{method.name}: {len(trials.asked)} of {wanted} trials: {TRIES} proposals in a row had been tried before, or "
        "broke a rule between fields"
    )


class _Wave:
    """Trials that are tried at once, and what they are compared with."""

    def __init__(
        self, method: MethodEntry, trials: Trials, asking: Asking, before: Sequence[Asked], asked: Sequence[Asked]
    ) -> None:
        self._method = method
        self._trials = trials
        self._asking = asking
        budget = asking.config.budget
        self._of, self._limit = budget.of, budget.at_most
        self._best = best_of((each.result for each in before if each.result is not None), self._of, self._limit)
        self._alive = list(asked)

    def run(self) -> None:
        """Until each has a result."""
        search = self._asking.config.search
        seeds = search.seeds
        rungs = range(1, len(seeds) + 1) if search.prune else [len(seeds)]
        for rung in rungs:
            configs = {self._name(each.number): self._method.space.config(each.values) for each in self._alive}
            if search.prune and self._best is not None:
                configs[self._name(self._best.number)] = self._method.space.config(self._best.values)
            cells = self._asking.ask(configs, seeds[:rung])
            self._alive = [each for each in self._alive if self._goes_on(each, cells, last=rung == len(seeds))]
            if not self._alive:
                return

    def _goes_on(self, asked: Asked, cells: dict[str, list[CellResult]], *, last: bool) -> bool:
        own = cells[self._name(asked.number)]
        failed = trouble(own)
        if failed is not None:
            self._trials.tell(asked, "failed", None, failed)
            return False
        figures = figures_of(own)
        if last:
            self._trials.tell(asked, "complete", figures)
            return False
        why = None if asked.number == 0 else self._why_pruned(figures, own, cells)
        if why is not None:
            self._trials.tell(asked, "pruned", figures, why)
        return why is None

    def _why_pruned(
        self, figures: Figures, own: Sequence[CellResult], cells: dict[str, list[CellResult]]
    ) -> str | None:
        over = over_budget(figures, self._of, self._limit)
        if over is not None or self._best is None:
            return over
        best = cells[self._name(self._best.number)]
        if trouble(best) is not None:
            return None
        return beaten(*difference(self._asking.directory, own, best), self._best.number)

    def _name(self, number: int) -> str:
        return f"{self._method.name} {number}"
