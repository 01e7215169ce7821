"""The page: one file that holds its data, its charts and what draws them, and asks no network for anything."""

from __future__ import annotations

import base64
import hashlib
from functools import cache
from importlib.resources import files
from typing import Any

import altair as alt
import vl_convert
from jinja2 import Environment, StrictUndefined

from sah_bench.store.directory import ResultsDirectory

from .chart_style import THEMES, colours, config, shapes
from .columns import columns_of, script_safe
from .export import as_parquet, cells_table, flat
from .groups import grouped
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
    for name in ("data", "wording", "charts", "quality", "inside", "details", "table", "averages", "cells", "page")
)


def page(directory: ResultsDirectory, results: Results) -> str:
    """The page's HTML; whatever a name or an answer holds, it is shown as text."""
    style, library, script = _text("page.css"), _library(), _script()
    data = _data(directory, results)
    template = Environment(autoescape=True, undefined=StrictUndefined).from_string(_text("page.html.jinja"))
    return template.render(
        title=results.name,
        policy=_policy(style, library, script),
        style=style,
        library=library,
        script=script,
        data=script_safe(data),
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


def _policy(style: str, *scripts: str) -> str:
    """A content security policy under which nothing but these runs, and nothing is fetched."""
    allowed = " ".join(_hashed(script) for script in scripts)
    return f"default-src 'none'; script-src {allowed}; style-src {_hashed(style)}; base-uri 'none'; form-action 'none'"


def _hashed(content: str) -> str:
    return f"'sha256-{base64.b64encode(hashlib.sha256(content.encode()).digest()).decode()}'"


@cache
def _library() -> str:
    """Vega, Vega-Lite and what embeds them."""
    return str(vl_convert.javascript_bundle("window.vegaEmbed = vegaEmbed;"))


def _script() -> str:
    return "\n".join(['(() => {\n"use strict";', *(_text(name) for name in _SCRIPTS), "})();"])


def _text(name: str) -> str:
    return files("sah_bench.report").joinpath("template", name).read_text(encoding="utf-8")
