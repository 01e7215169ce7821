"""`Axes`: score against cost, within limits that hold all rows and the budget, whatever a layer draws of them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Self

import altair as alt
from attrs import frozen

from sah_bench.report.chart_style import LOG_TICKS, Theme, ink

from .result import Cost, TuningResult
from .wording import said_limit

__all__ = ["Axes"]

_SHOWN = {
    "density": "format(100 * datum.value, '~g') + ' %'",
    "seconds": "format(1000 * datum.value, ',~g')",
    "megabytes": "format(datum.value, ',~g')",
}
_TITLES = {"density": "density", "seconds": "milliseconds an answer", "megabytes": "megabytes of indexes"}

_ROOM = 0.08
"""Of the range of scores, above and below it."""


@frozen
class Axes:
    """What lies on them, and the budget."""

    of: Cost
    budget: float
    costs: tuple[float, float]
    """The least and the most, the budget among them."""
    scores: tuple[float, float]

    @classmethod
    def holding(cls, result: TuningResult, rows: Sequence[Mapping[str, Any]], *scores: float) -> Self:
        """Axes for rows with a ``cost`` and a ``score``, and for more scores."""
        costs = [result.budget, *(row["cost"] for row in rows)]
        every = [*scores, *(row["score"] for row in rows)] or [0.0, 1.0]
        return cls(result.of, result.budget, (min(costs), max(costs)), (min(every), max(every)))

    @property
    def log(self) -> bool:
        """Whether costs call for a log scale: it has no place for 0, and few ticks for a narrow range."""
        low, high = self.costs
        return low > 0 and high >= 3 * low

    @property
    def x(self) -> alt.X:
        """The cost."""
        low, high = self.costs if self.costs[0] < self.costs[1] else (self.budget * 0.9, self.budget * 1.1)
        title = f"{_TITLES[self.of]} (log scale)" if self.log else _TITLES[self.of]
        axis = alt.Axis(title=title, labelOverlap="greedy", labelExpr=_SHOWN[self.of], tickCount=6)
        scale = alt.Scale(domain=[low, high], padding=14, nice=False)
        if self.log:
            axis.values = list(LOG_TICKS)
            scale.type = "log"
        return alt.X("cost:Q", scale=scale, axis=axis)

    def y(self, field: str = "score") -> alt.Y:
        """The score, or another field on its axis; scores between 0 and 1 have an axis between 0 and 1."""
        low, high = self.scores
        room = _ROOM * (high - low) or 0.05
        down = max(0.0, low - room) if low >= 0 else low - room
        up = min(1.0, high + room) if high <= 1 else high + room
        scale = alt.Scale(domain=[down, up], nice=False, zero=False)
        return alt.Y(f"{field}:Q", scale=scale, axis=alt.Axis(title="score", format=".2~f"))

    def budget_line(self, theme: Theme) -> Sequence[alt.Chart]:
        """A line at the budget, named above the plot."""
        said = f"budget {said_limit(self.of, self.budget)}"
        chart = alt.Chart(alt.InlineData([{"cost": self.budget, "said": said}])).encode(x=self.x)
        return (
            chart.mark_rule(color=ink(theme), strokeDash=[5, 4], tooltip=None),
            chart.mark_text(color=ink(theme), dy=-8, fontSize=11, tooltip=None).encode(y=alt.value(0), text="said:N"),
        )

    def dense_line(self, score: float, theme: Theme) -> Sequence[alt.Chart]:
        """A line at the score of dense attention, named at its left end."""
        chart = alt.Chart(alt.InlineData([{"score": score, "said": f"dense {score:.3f}"}])).encode(y=self.y())
        dy = -6 if score < self.scores[1] else 10
        return (
            chart.mark_rule(color=ink(theme), strokeDash=[5, 4], tooltip=None),
            chart.mark_text(color=ink(theme), align="left", dx=5, dy=dy, fontSize=11, tooltip=None).encode(
                x=alt.value(0), text="said:N"
            ),
        )
