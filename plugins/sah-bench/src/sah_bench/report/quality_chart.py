"""Quality against what it costs: one definition of the chart, for files and for the page."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any, Literal

import altair as alt

from .chart_style import LOG_TICKS, Theme, colours, ink, shapes
from .groups import Group
from .wording import duration, percent, plus_minus, ratio, signed

__all__ = ["CHOSEN", "Cost", "points", "quality_layers", "quality_pair"]

Cost = Literal["density", "milliseconds"]

_TITLES = {
    "density": "measured density (log scale)",
    "milliseconds": "milliseconds an answer (log scale)",
}
_SHOWN = {"density": "format(100 * datum.value, '~g') + ' %'", "milliseconds": "format(datum.value, ',~g')"}

CHOSEN = alt.selection_point(name="chosen", fields=["family"], bind="legend")
"""The family that was clicked in the legend; the others fade."""


def points(groups: Iterable[Group]) -> list[dict[str, Any]]:
    """A datum for each group that has a score and a density."""
    return [
        {
            "model": group.model,
            "protocol": group.protocol,
            "task": group.task,
            "length": group.length,
            "family": group.family,
            "attention": group.attention,
            "dense": group.protocol == "dense",
            "score": group.score,
            "low": max(0.0, group.score - (group.standard_error or 0.0)),
            "high": min(1.0, group.score + (group.standard_error or 0.0)),
            "difference": group.difference,
            "density": group.density,
            "milliseconds": None if group.seconds is None else 1000 * group.seconds,
            "said_score": plus_minus(group.score, group.standard_error),
            "said_difference": signed(group.difference, group.difference_error),
            "said_density": percent(group.density),
            "said_time": f"{duration(group.seconds, group.seconds_error)} ({ratio(group.time_ratio)})",
            "answered": f"{group.answered} of {group.samples}",
        }
        for group in groups
        if group.score is not None and group.density
    ]


def quality_layers(
    cost: Cost, families: Sequence[str], theme: Theme = "light", *, width: int = 320, height: int = 260
) -> list[alt.Chart]:
    """Layers over data of `points`: the dense score, the Pareto front, a line for each family, and points with errors.

    ``families`` fixes what colour and shape each has. They need the parameter `CHOSEN`.
    """
    chart = alt.Chart(width=width, height=height)
    sparse = chart.transform_filter(f"!datum.dense && datum.{cost} > 0")
    dense = chart.transform_filter("datum.dense")
    faded = alt.condition(CHOSEN, alt.value(1), alt.value(0.12))
    x = alt.X(
        f"{cost}:Q",
        scale=alt.Scale(type="log", padding=14, nice=False),
        axis=alt.Axis(
            title=_TITLES[cost],
            values=list(LOG_TICKS),
            labelOverlap="greedy",
            labelExpr=_SHOWN[cost],
        ),
    )
    y = alt.Y("score:Q", scale=alt.Scale(zero=False), axis=alt.Axis(title="score", format=".2~f"))
    colour = alt.Color(
        "family:N",
        scale=alt.Scale(domain=list(families), range=colours(families, theme)),
        legend=alt.Legend(title="attention", symbolLimit=60, symbolOpacity=1),
    )
    shape = alt.Shape("family:N", scale=alt.Scale(domain=list(families), range=shapes(families)))
    said = [
        alt.Tooltip("attention:N"),
        alt.Tooltip("said_score:N", title="score ± standard error"),
        alt.Tooltip("said_difference:N", title="minus dense"),
        alt.Tooltip("said_density:N", title="density"),
        alt.Tooltip("said_time:N", title="ms an answer (of dense)"),
        alt.Tooltip("answered:N"),
    ]
    # Dense attention is in the front of time, where it may well be the fastest; its density is nobody's aim.
    contenders = sparse if cost == "density" else chart.transform_filter(f"datum.{cost} > 0")
    front = (
        contenders.transform_window(
            best="max(score)", sort=[alt.SortField(cost)], frame=[None, 0], groupby=["task", "length"]
        )
        .transform_filter("datum.score >= datum.best")
        .mark_line(interpolate="step-after", color=ink(theme), strokeWidth=6, opacity=0.2, tooltip=None)
        .encode(x=x, y=y)
    )
    layers = [
        dense.mark_rule(color=ink(theme), strokeDash=[5, 4], tooltip=None).encode(y=y),
        dense.transform_calculate(said="'dense ' + format(datum.score, '.3f')")
        .mark_text(color=ink(theme), align="left", dx=5, dy=-6, fontSize=11)
        .encode(y=y, x=alt.value(0), text="said:N"),
        front,
        sparse.mark_line(strokeWidth=1, opacity=0.7, tooltip=None).encode(x=x, y=y, color=colour, strokeOpacity=faded),
        sparse.mark_rule(strokeWidth=1.2, tooltip=None).encode(
            x=x, y=alt.Y("low:Q", title="score"), y2="high:Q", color=colour, opacity=faded
        ),
        sparse.mark_point(filled=True, size=64, opacity=1, cursor="pointer").encode(
            x=x, y=y, color=colour, shape=shape, tooltip=said, opacity=faded
        ),
    ]
    if cost == "milliseconds":
        layers.insert(
            2,
            dense.mark_point(color=ink(theme), shape="diamond", size=70, strokeWidth=1.5).encode(
                x=x, y=y, tooltip=said
            ),
        )
    return layers


def quality_pair(data: alt.Data, families: Sequence[str], theme: Theme) -> alt.HConcatChart:
    """Quality against density and against time, side by side over the same data of `points`, with one legend."""
    density = alt.layer(*quality_layers("density", families, theme)).add_params(CHOSEN)
    return alt.hconcat(density, alt.layer(*quality_layers("milliseconds", families, theme)), data=data)
