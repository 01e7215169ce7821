"""`Confirming`: what was found, where it started and dense attention, on samples that no trial saw."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Self

from attrs import frozen

from sah_bench.config.contender import DENSE
from sah_bench.plan.plan import Plan
from sah_bench.report.cell_result import CellResult
from sah_core.config import AttentionConfig

from .asking import Asking
from .measured_figures import difference, figures_of, trouble
from .result import Confirmed, Figures

__all__ = ["Confirming"]


@frozen
class Confirming:
    """What came of it, method by method."""

    confirmed: Mapping[str, Confirmed]
    dense: Figures | None
    placed: Mapping[str, AttentionConfig]
    """Each method's tuned config, with the folders of what its maskers learned."""
    problems: tuple[str, ...]

    @classmethod
    def of(cls, asking: Asking, pairs: Mapping[str, tuple[AttentionConfig, AttentionConfig]]) -> Self:
        """Ask dense attention, and for each method where it started and what was found.

        What fails has no figures, and is a problem. Raises as `make_plan` does.
        """
        seeds = asking.config.confirm.seeds
        attention: dict[str, AttentionConfig | None] = {DENSE: None}
        for name, (start, tuned) in pairs.items():
            attention |= {_start(name): start, _tuned(name): tuned}
        cells = asking.ask(attention, seeds)
        problems = [f"{name}: cannot be confirmed: {said}" for name in attention if (said := trouble(cells[name]))]
        return cls(
            confirmed={
                name: found for name in pairs if (found := _confirmed(asking, cells[_start(name)], cells[_tuned(name)]))
            },
            dense=figures_of(cells[DENSE]) if trouble(cells[DENSE]) is None else None,
            placed=_placed(asking.plan(attention, seeds), pairs),
            problems=tuple(problems),
        )


def _confirmed(asking: Asking, start: Sequence[CellResult], tuned: Sequence[CellResult]) -> Confirmed | None:
    if trouble(start) is not None or trouble(tuned) is not None:
        return None
    return Confirmed(figures_of(start), figures_of(tuned), *difference(asking.directory, tuned, start))


def _placed(plan: Plan, pairs: Mapping[str, tuple[AttentionConfig, AttentionConfig]]) -> dict[str, AttentionConfig]:
    """As cells run them, but with the seeds that are their own."""
    run = {cell.attention_name: cell.attention for cell in plan.cells}
    placed = {}
    for name, (_, tuned) in pairs.items():
        attention = run[_tuned(name)]
        if attention is not None:
            placed[name] = attention.model_copy(update={"seed": tuned.seed})
    return placed


def _start(name: str) -> str:
    return f"{name} start"


def _tuned(name: str) -> str:
    return f"{name} tuned"
