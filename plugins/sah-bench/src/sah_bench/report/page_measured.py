"""What was measured, put together for the page: a part for each group of cells, as long as the page stays small."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any

import altair as alt
import pyarrow  # type: ignore[import-untyped]  # it has no types
from attrs import frozen
from pyarrow import parquet

from sah_bench.store.directory import ResultsDirectory

from .chart_style import THEMES
from .groups import Group
from .measured import metrics_of, summed_up
from .measured_chart import Granularity, measured_chart, titled

__all__ = ["PageMeasured", "measured_of", "page_measured"]

ROOM = 6_000_000
"""How many letters of the page the measurements may take; groups that have no room are counted."""


@frozen
class PageMeasured:
    """Parts and chart specifications as JSON values, how many groups had no room, and files that cannot be read."""

    parts: list[dict[str, Any]]
    charts: dict[str, Any]
    left_out: int
    unreadable: list[str]


def page_measured(directory: ResultsDirectory, groups: Sequence[Group]) -> PageMeasured:
    """Read the measurements of all groups of cells that have some."""
    parts: list[dict[str, Any]] = []
    unreadable: list[str] = []
    room, left_out = ROOM, 0
    for group in groups:
        if not any(directory.cell(cell.address).measurements.exists() for cell in group.cells):
            continue
        if room <= 0:
            left_out += 1
            continue
        table = measured_of(directory, group, unreadable)
        if table is None:
            continue
        part = _part(group, table)
        room -= len(json.dumps(part))
        parts.append(part)
    metrics = sorted({metric for part in parts for metric in part["metrics"]})
    return PageMeasured(parts, _charts(metrics), left_out, unreadable)


def measured_of(directory: ResultsDirectory, group: Group, unreadable: list[str]) -> pyarrow.Table | None:
    """The measurements of all cells of a group; sentences about files that cannot be read go into ``unreadable``."""
    tables = []
    for cell in group.cells:
        path = directory.cell(cell.address).measurements
        try:
            if path.exists():
                tables.append(parquet.read_table(path, columns=["layer", "head", "step", "metric", "value"]))
        except (OSError, ValueError, pyarrow.ArrowException) as error:
            unreadable.append(f"{cell}: {path.name} cannot be read: {' '.join(str(error).split())}")
    return pyarrow.concat_tables(tables).unify_dictionaries() if tables else None


def _part(group: Group, table: pyarrow.Table) -> dict[str, Any]:
    metrics: dict[str, dict[str, Any]] = {metric: {} for metric in metrics_of(table)}
    for granularity in Granularity:
        found: dict[str, list[dict[str, Any]]] = {metric: [] for metric in metrics}
        for row in summed_up(table, ["metric", *granularity.keys]):
            found[row.pop("metric")].append(row)
        for metric, rows in found.items():
            metrics[metric][granularity.value] = {
                name: [_short(row[name]) for row in rows]
                for name in (*granularity.keys, "mean", "low", "high", "count")
            }
    return {
        "model": group.model,
        "attention": group.attention,
        "protocol": group.protocol,
        "task": group.task,
        "length": group.length,
        "metrics": metrics,
    }


def _short(value: float) -> float:
    return value if isinstance(value, int) else float(f"{value:.4g}")


def _charts(metrics: Sequence[str]) -> dict[str, Any]:
    """Specifications by theme, metric and granularity; their data has the name ``values``."""
    return {
        theme: {
            metric: {
                "title": titled(metric),
                **{
                    granularity.value: measured_chart(
                        alt.NamedData("values"), metric, granularity, theme=theme
                    ).to_dict()
                    for granularity in Granularity
                },
            }
            for metric in metrics
        }
        for theme in THEMES
    }
