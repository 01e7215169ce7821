"""The page: one file that holds its data, its charts and what draws them, and asks no network for anything."""

from __future__ import annotations

import base64
from typing import Any

import altair as alt

from sah_bench.store.directory import ResultsDirectory

from .chart_style import THEMES, colours, config, shapes
from .columns import columns_of
from .export import as_parquet, cells_table, flat
from .groups import grouped
from .html import html
from .page_measured import page_measured
from .problems import problems
from .quality_chart import points, quality_pair
from .results import Results
from .versions import versions

__all__ = ["page"]

PARQUET_ROOM = 1_000_000
"""The largest Parquet file that the page holds, in bytes; of a larger one it says how to get it."""

# In this order they are one script.
_SCRIPTS = tuple(
    f"{name}.js"
    for name in (
        *("data", "elements", "wording", "charts", "table"),
        *("rows", "quality", "inside", "details", "averages", "cells", "page"),
    )
)


def page(directory: ResultsDirectory, results: Results) -> str:
    """The page's HTML; whatever a name or an answer holds, it is shown as text."""
    return html(
        "sah_bench.report",
        "page.html.jinja",
        title=results.name,
        styles=["page.css"],
        scripts=_SCRIPTS,
        data=_data(directory, results),
    )


def _data(directory: ResultsDirectory, results: Results) -> dict[str, Any]:
    groups = grouped(results.cells)
    measured = page_measured(directory, groups)
    families = list(dict.fromkeys(group.family for group in groups if group.protocol != "dense"))
    place = {id(cell): number for number, cell in enumerate(results.cells)}
    drawn = [group for group in groups if points([group])]
    data = alt.NamedData("points")
    archive = as_parquet(cells_table(results))
    return {
        "name": results.name,
        "benchmark": dict(results.benchmark),
        "versions": versions(results),
        "problems": [*problems(results), *measured.unreadable],
        "cells": columns_of([flat(cell) for cell in results.cells]),
        "identities": columns_of([dict(cell.identity) for cell in results.cells]),
        "points": columns_of(
            [{**datum, "cell": place[id(group.cells[0])]} for group, datum in zip(drawn, points(drawn), strict=True)]
        ),
        "themes": {theme: config(theme) for theme in THEMES},
        "families": {
            "names": families,
            "colours": {theme: colours(families, theme) for theme in THEMES},
            "shapes": shapes(families),
        },
        "quality": {theme: quality_pair(data, [], theme).to_dict() for theme in THEMES},
        "measured": {"parts": measured.parts, "charts": measured.charts, "left_out": measured.left_out},
        "parquet": base64.b64encode(archive).decode() if len(archive) <= PARQUET_ROOM else None,
    }
