"""The charts of a study: what was tried, what mattered, and the methods beside one another.

Each is a Vega-Lite specification over named data, whose rows are `page_data`'s.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, get_args

import altair as alt

from sah_bench.report.chart_style import Theme, colours, ink, shapes

from .axes import Axes
from .result import Cost
from .wording import COSTS

__all__ = ["confirmed_chart", "fronts_chart", "importance_chart", "trials_chart"]

_CHOSEN = alt.selection_point(name="chosen", fields=["method"], bind="legend")


def trials_chart(axes: Axes, parameters: Sequence[str], colour: str, theme: Theme) -> dict[str, Any]:
    """Every trial of a method over data ``trials``: its score against its cost, the front, the start and the best."""
    chart = alt.Chart(alt.NamedData("trials"))
    said = [
        alt.Tooltip("said:N", title="trial"),
        alt.Tooltip("said_score:N", title="score ± standard error"),
        *_costs_said(),
        *(alt.Tooltip(f"value_{number}:N", title=name) for number, name in enumerate(parameters)),
    ]
    points = {"tooltip": said, "x": axes.x, "y": axes.y()}
    return _drawn(
        *axes.budget_line(theme),
        chart.transform_filter("datum.front")
        .mark_line(interpolate="step-after", color=ink(theme), strokeWidth=6, opacity=0.2, tooltip=None)
        .encode(x=axes.x, y=axes.y()),
        chart.transform_filter("datum.state == 'pruned'")
        .mark_point(color=colour, size=36, opacity=0.45, strokeWidth=1.2, cursor="pointer")
        .encode(**points),
        chart.transform_filter("datum.state == 'complete'")
        .mark_point(filled=True, color=colour, size=52, opacity=0.85, cursor="pointer")
        .encode(**points),
        chart.transform_filter("datum.mark")
        .mark_point(color=ink(theme), size=190, strokeWidth=2, opacity=1, cursor="pointer")
        .encode(
            shape=alt.Shape("mark:N", scale=alt.Scale(domain=list(_MARKS), range=list(_MARKS.values())), legend=None),
            **points,
        ),
        *(
            chart.transform_filter(which)
            .mark_text(color=ink(theme), dy=dy, fontSize=12, fontWeight=600, tooltip=None)
            .encode(x=axes.x, y=axes.y(), text="mark:N")
            for which, dy in (("datum.mark == 'start'", 18), ("datum.mark && datum.mark != 'start'", -16))
        ),
    )


_MARKS = {"start": "diamond", "best": "circle", "start and best": "circle"}


def importance_chart(of: Cost, names: Sequence[str], colour: str, theme: Theme) -> dict[str, Any]:
    """How much each parameter matters for the score and for the cost, over data ``importance``.

    ``names`` are the parameters from the top on.
    """
    kinds = ["score", COSTS[of]]
    y: dict[str, Any] = {
        "y": alt.Y(
            "parameter:N", sort=list(names), title=None, axis=alt.Axis(labelLimit=190, ticks=False, domain=False)
        ),
        "yOffset": alt.YOffset("of:N", sort=kinds),
    }
    x = alt.X(
        "part:Q",
        scale=alt.Scale(domainMin=0, nice=True),
        axis=alt.Axis(title="importance", format=".0%", tickCount=5),
    )
    return _drawn(
        alt.Chart(alt.NamedData("importance"), height=30 * len(names))
        .mark_bar(cornerRadiusEnd=2)
        .encode(
            x=x,
            color=alt.Color(
                "of:N", scale=alt.Scale(domain=kinds, range=[colour, colours([""] * 8, theme)[7]]), legend=_legend()
            ),
            tooltip=[
                alt.Tooltip("parameter:N"),
                alt.Tooltip("of:N"),
                alt.Tooltip("part:Q", title="importance", format=".1%"),
            ],
            **y,
        )
    )


def fronts_chart(axes: Axes, names: Sequence[str], theme: Theme) -> dict[str, Any]:
    """The fronts of all methods over data ``fronts``; ``names`` fixes the colour and the shape of each."""
    chart = alt.Chart(alt.NamedData("fronts"))
    faded = alt.condition(_CHOSEN, alt.value(1), alt.value(0.12))
    colour, shape = _of_methods(names, theme)
    said = [
        alt.Tooltip("method:N"),
        alt.Tooltip("said:N", title="trial"),
        alt.Tooltip("said_score:N", title="score ± standard error"),
        *_costs_said(),
        alt.Tooltip("values:N", title="parameters"),
    ]
    return _drawn(
        *axes.budget_line(theme),
        chart.mark_line(interpolate="step-after", strokeWidth=1.5, opacity=0.7, tooltip=None).encode(
            x=axes.x, y=axes.y(), color=colour, strokeOpacity=faded
        ),
        chart.mark_point(filled=True, size=64, opacity=1, cursor="pointer")
        .encode(x=axes.x, y=axes.y(), color=colour, shape=shape, opacity=faded, tooltip=said)
        .add_params(_CHOSEN),
    )


def confirmed_chart(
    axes: Axes, dense: float | None, names: Sequence[str], theme: Theme, *, found: Sequence[str]
) -> dict[str, Any]:
    """Start and tuned configs on unseen samples over data ``confirmed``, with standard errors; ``dense`` is a score.

    ``names`` fixes the colour and the shape of each method, and the legend holds those of ``found``.
    """
    chart = alt.Chart(alt.NamedData("confirmed"))
    faded = alt.condition(_CHOSEN, alt.value(1), alt.value(0.12))
    colour, shape = _of_methods(names, theme, found)
    points: dict[str, Any] = {
        "x": axes.x,
        "y": axes.y(),
        "color": colour,
        "shape": shape,
        "opacity": faded,
        "tooltip": [
            alt.Tooltip("method:N"),
            alt.Tooltip("what:N", title="config"),
            alt.Tooltip("said_score:N", title="score ± standard error"),
            alt.Tooltip("said_difference:N", title="tuned minus start"),
            *_costs_said(),
        ],
    }
    return _drawn(
        *(axes.dense_line(dense, theme) if dense is not None else ()),
        *axes.budget_line(theme),
        chart.mark_line(strokeWidth=1.2, strokeDash=[2, 3], tooltip=None).encode(
            x=axes.x, y=axes.y(), color=colour, order="order:Q", opacity=faded
        ),
        chart.mark_rule(strokeWidth=1.2, tooltip=None).encode(
            x=axes.x, y=axes.y("low"), y2="high:Q", color=colour, opacity=faded
        ),
        chart.transform_filter("datum.order == 0").mark_point(filled=False, size=70, strokeWidth=1.6).encode(**points),
        chart.transform_filter("datum.order == 1")
        .mark_point(filled=True, size=84)
        .encode(**points)
        .add_params(_CHOSEN),
    )


def _costs_said() -> list[alt.Tooltip]:
    return [alt.Tooltip(f"said_{cost}:N", title=COSTS[cost]) for cost in get_args(Cost)]


def _of_methods(names: Sequence[str], theme: Theme, found: Sequence[str] | None = None) -> tuple[alt.Color, alt.Shape]:
    legend = _legend() if found is None else _legend(values=list(found))
    colour = alt.Color("method:N", scale=alt.Scale(domain=list(names), range=colours(names, theme)), legend=legend)
    return colour, alt.Shape("method:N", scale=alt.Scale(domain=list(names), range=shapes(names)))


def _legend(**changed: Any) -> alt.Legend:
    return alt.Legend(title=None, orient="bottom", symbolLimit=60, symbolOpacity=1, **changed)


def _drawn(*layers: alt.Chart) -> dict[str, Any]:
    """As a specification that fills the width it is given."""
    chart = alt.layer(*layers).properties(autosize=alt.AutoSizeParams(type="fit-x", contains="padding"))
    # Its form does not follow from the data, and validating one for each method takes longer than all else.
    return dict(chart.to_dict(validate=False))
