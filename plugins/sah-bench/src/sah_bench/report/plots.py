"""Plots for papers and for the page: of measurements at a granularity, and of quality against its cost."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import altair as alt
import pyarrow  # type: ignore[import-untyped]  # it has no types
import vl_convert
from pyarrow import compute

from sah_bench.store.whole_files import write_whole
from sah_core.errors import UsageError

from .chart_style import config
from .groups import grouped
from .measured import metrics_of, summed_up
from .measured_chart import Granularity, measured_chart
from .quality_chart import CHOSEN, Cost, points, quality_layers
from .results import Results

__all__ = ["Granularity", "PlotGenerator", "file_name", "quality_plots", "save"]

AnyChart = alt.Chart | alt.LayerChart | alt.FacetChart


class PlotGenerator:
    """Plots of what was measured: a table with the columns of ``measurements.parquet``.

    With a further column ``attention`` the configs that it names are shown beside one another.
    """

    def __init__(self, measurements: pyarrow.Table) -> None:
        self.measurements = measurements

    def plot(
        self, metric: str, granularity: Granularity, *, title: str | None = None, width: int = 420, height: int = 240
    ) -> AnyChart:
        """The metric by layer, by head, or by token after the context; sizes in pixels, of one plot of several.

        Raises UsageError for a metric that was not measured.
        """
        known = metrics_of(self.measurements)
        if metric not in known:
            raise UsageError(f"{metric!r} was not measured; measured: {', '.join(known) or 'nothing'}")
        several = ["attention"] if "attention" in self.measurements.column_names else []
        names = list(dict.fromkeys(self.measurements["attention"].to_pylist())) if several else []
        chosen = self.measurements.filter(compute.equal(self.measurements["metric"], metric))
        rows = summed_up(chosen, [*several, *granularity.keys])
        data = alt.InlineData(values=rows)
        chart = measured_chart(data, metric, granularity, names=names, width=width, height=height)
        return chart.properties(title=title) if title is not None else chart


def quality_plots(results: Results) -> dict[str, AnyChart]:
    """Quality against density and against time, by file name: a chart for each model and protocol.

    A chart has a plot for each task (rows) and length (columns).
    """
    groups = grouped(results.cells)
    families = list(dict.fromkeys(group.family for group in groups if group.protocol != "dense"))
    models = list(dict.fromkeys(group.model for group in groups))
    protocols = list(dict.fromkeys(group.protocol for group in groups if group.protocol != "dense"))
    charts: dict[str, AnyChart] = {}
    costs: tuple[Cost, ...] = ("density", "milliseconds")
    for model in models:
        for protocol in protocols:
            chosen = [group for group in groups if group.model == model and group.protocol in ("dense", protocol)]
            data = points(chosen)
            if not any(not datum["dense"] for datum in data):
                continue
            for cost in costs:
                name = "-".join([f"quality-{cost}", *([file_name(model)] if len(models) > 1 else []), protocol])
                charts[name] = _faceted(data, cost, families)
    return charts


def _faceted(data: list[dict[str, Any]], cost: Cost, families: list[str]) -> AnyChart:
    drawn = [family for family in families if any(datum["family"] == family for datum in data)]
    tasks = [str(task) for task in dict.fromkeys(datum["task"] for datum in data)]
    sized = any(datum["length"] is not None for datum in data)
    chart = (
        alt.layer(*quality_layers(cost, drawn, width=250, height=210))
        .add_params(CHOSEN)
        .facet(
            data=alt.InlineData(values=data),
            row=alt.Row("task:N", title=None, sort=tasks),
            column=alt.Column("length:O", title="tokens of context") if sized else alt.Undefined,
        )
    )
    return chart if cost == "density" else chart.resolve_scale(x="independent")


def save(chart: AnyChart, folder: Path, name: str) -> list[Path]:
    """Write the chart as ``NAME.png``, two pixels to a point, and ``NAME.svg``; no network, no browser."""
    specification = {**chart.to_dict(), "config": config("light")}
    png = vl_convert.vegalite_to_png(specification, scale=2, allowed_base_urls=[])
    svg = vl_convert.vegalite_to_svg(specification, allowed_base_urls=[])
    write_whole(folder / f"{name}.png", png)
    write_whole(folder / f"{name}.svg", svg.encode())
    return [folder / f"{name}.png", folder / f"{name}.svg"]


def file_name(text: str) -> str:
    """The text as a part of a file's name."""
    return "".join(letter if letter.isalnum() else "-" for letter in text)
