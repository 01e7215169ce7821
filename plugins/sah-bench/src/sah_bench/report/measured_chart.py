"""A metric of attention calls by layer, by head, or by step: one definition of each chart, for files and the page."""

from __future__ import annotations

from collections.abc import Sequence
from enum import Enum
from typing import Any

import altair as alt

from .chart_style import Theme, colours

__all__ = ["Granularity", "measured_chart", "titled"]


class Granularity(Enum):
    """What a plot of a metric tells apart."""

    TOKEN = "token"
    HEAD = "head"
    LAYER = "layer"

    @property
    def keys(self) -> tuple[str, ...]:
        """The columns of the measurements by which it puts them together."""
        return {"token": ("step",), "head": ("layer", "head"), "layer": ("layer",)}[self.value]


_SHARES = {"density": "density", "mass": "attention mass on attended keys", "recall": "recall of the largest logits"}
_NUMBERS = {"output_error": "relative error of the output", "variance": "relative variance of the denominator"}


def titled(metric: str) -> str:
    """What a metric is called on an axis."""
    return {**_SHARES, **_NUMBERS}.get(metric, metric.replace("_", " "))


def measured_chart(
    data: alt.Data,
    metric: str,
    granularity: Granularity,
    *,
    names: Sequence[str] = (),
    theme: Theme = "light",
    width: int = 420,
    height: int = 240,
) -> alt.Chart | alt.LayerChart | alt.FacetChart:
    """The chart over rows of `summed_up`; ``names`` are those in its column ``attention``, if it has one, in order.

    LAYER and TOKEN: the mean as a line, and a band in which 90 % of the values lie; HEAD: the mean as a colour.
    """
    form = "~%" if metric in _SHARES else "~g"
    if granularity is Granularity.HEAD:
        return _heatmap(data, metric, form, names=names, width=width, height=height)
    name, title = ("layer", "layer") if granularity is Granularity.LAYER else ("step", "tokens after the context")
    whole = "datum.value % 1 == 0 ? format(datum.value, 'd') : ''"  # between two steps there is none
    x = alt.X(f"{name}:Q", axis=alt.Axis(title=title, labelExpr=whole, tickMinStep=1), scale=alt.Scale(nice=False))
    chart = alt.Chart(data, width=width, height=height).encode(x=x)
    colour: Any = alt.value(colours([""], theme)[0])
    if names:
        scale = alt.Scale(domain=list(names), range=colours(names, theme))
        colour = alt.Color("attention:N", scale=scale, legend=alt.Legend(title="attention", symbolOpacity=1))
    said = [
        *([alt.Tooltip("attention:N")] if names else []),
        alt.Tooltip(f"{name}:Q", title=title),
        alt.Tooltip("mean:Q", format=".4~g"),
        alt.Tooltip("low:Q", title="5 %", format=".4~g"),
        alt.Tooltip("high:Q", title="95 %", format=".4~g"),
        alt.Tooltip("count:Q", title="values", format=","),
    ]
    axis = alt.Axis(format=form)
    band = chart.mark_area(opacity=0.18, tooltip=None)
    line = chart.mark_line(strokeWidth=2, point=alt.OverlayMarkDef(size=28, filled=True))
    return alt.layer(
        band.encode(y=alt.Y("low:Q", title=titled(metric), axis=axis), y2="high:Q", color=colour),
        line.encode(y=alt.Y("mean:Q", title=titled(metric), axis=axis), color=colour, tooltip=said),
    )


def _heatmap(
    data: alt.Data, metric: str, form: str, *, names: Sequence[str], width: int, height: int
) -> alt.Chart | alt.FacetChart:
    axis = alt.Axis(labelAngle=0, labelOverlap="parity", grid=False)
    chart: alt.Chart = (
        alt.Chart(data, width=width, height=height)
        .mark_rect()
        .encode(
            x=alt.X("head:O", title="head", axis=axis),
            y=alt.Y("layer:O", title="layer", axis=axis, sort="descending"),
            color=alt.Color(
                "mean:Q",
                scale=alt.Scale(scheme="viridis", zero=False),
                legend=alt.Legend(title=None, format=form, tickCount=5, gradientLength=max(80, height - 20)),
            ),
            tooltip=[
                alt.Tooltip("layer:O"),
                alt.Tooltip("head:O"),
                alt.Tooltip("mean:Q", format=".4~g"),
                alt.Tooltip("count:Q", title="values", format=","),
            ],
        )
    )
    if not names:
        return chart.properties(title=titled(metric))
    facets = alt.Facet("attention:N", title=None, sort=list(names))
    return chart.facet(facet=facets, columns=3).properties(title=titled(metric))
