"""Plots: what they put together, checked by hand, and that they are drawn."""

from __future__ import annotations

import random
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pyarrow  # type: ignore[import-untyped]  # it has no types
import pytest
import vl_convert
from hypothesis import given
from hypothesis import strategies as st
from pyarrow import compute, parquet

from sah_bench.report.chart_style import THEMES, colours, shapes
from sah_bench.report.groups import grouped
from sah_bench.report.measured import BINS, metrics_of, summed_up
from sah_bench.report.plots import Granularity, PlotGenerator, quality_plots, save
from sah_bench.report.quality_chart import points
from sah_bench.report.write import write_report
from sah_core.errors import UsageError

Build = Callable[[], Any]

SCHEMA = pyarrow.schema(
    [
        ("sample", pyarrow.int32()),
        ("layer", pyarrow.int16()),
        ("head", pyarrow.int16()),
        ("step", pyarrow.int32()),
        ("metric", pyarrow.dictionary(pyarrow.int32(), pyarrow.string())),
        ("value", pyarrow.float32()),
    ]
)


def measured(rows: list[tuple[int, int, int, str, float | None]]) -> Any:
    """A table of measurements from (layer, head, step, metric, value)."""
    columns = list(zip(*rows, strict=True)) if rows else [()] * 5
    return pyarrow.table(dict(zip(SCHEMA.names, ([0] * len(rows), *columns), strict=True)), schema=SCHEMA)


def many(attention: str | None = None) -> Any:
    """Two layers of three heads over four steps, in two metrics."""
    draw = random.Random(0)
    rows: list[tuple[int, int, int, str, float | None]] = [
        (layer, head, step, metric, draw.random())
        for layer in range(2)
        for head in range(3)
        for step in range(4)
        for metric in ("recall", "output_error")
    ]
    table = measured(rows)
    if attention is None:
        return table
    return table.append_column("attention", pyarrow.array([attention] * table.num_rows))


def test_summed_up_by_hand() -> None:
    """A mean, and percentiles that lie between two values: 0 to 100 in steps of ten have 5 and 95."""
    rows: list[tuple[int, int, int, str, float | None]] = [(0, 0, step, "mass", 10.0 * step) for step in range(11)]
    table = measured([*rows, (0, 0, 11, "mass", float("nan")), (1, 0, 0, "mass", 7.0), (1, 0, 1, "mass", None)])
    assert summed_up(table, ["layer"]) == [
        {"layer": 0, "mean": 50.0, "low": pytest.approx(5.0), "high": pytest.approx(95.0), "count": 11},
        {"layer": 1, "mean": 7.0, "low": 7.0, "high": 7.0, "count": 1},
    ]
    assert summed_up(measured([]), ["layer"]) == []


@given(st.lists(st.tuples(st.integers(0, 2), st.integers(0, 2), st.floats(0, 100, width=32)), min_size=1, max_size=30))
def test_summed_up_laws(drawn: list[tuple[int, int, float]]) -> None:
    """Every value counts once, keys are sorted and come once, and the band lies within what was measured."""
    rows: list[tuple[int, int, int, str, float | None]] = [(layer, head, 0, "m", value) for layer, head, value in drawn]
    found = summed_up(measured(rows), ["metric", "layer", "head"])
    keys = [(row["metric"], row["layer"], row["head"]) for row in found]
    assert keys == sorted(set(keys))
    assert sum(row["count"] for row in found) == len(drawn)
    for row in found:
        values = [value for layer, head, value in drawn if (layer, head) == (row["layer"], row["head"])]
        assert row["mean"] == pytest.approx(sum(values) / len(values))
        assert min(values) <= row["low"] <= row["high"] <= max(values)


def test_many_steps_are_put_together() -> None:
    """More steps than a plot can tell apart are averaged in equal parts."""
    table = measured([(0, 0, step, "m", float(step)) for step in range(2 * BINS)])
    found = summed_up(table, ["step"])
    assert len(found) == BINS
    assert [(row["step"], row["mean"], row["count"]) for row in found[:2]] == [(0, 0.5, 2), (2, 2.5, 2)]


@pytest.mark.parametrize("granularity", list(Granularity))
@pytest.mark.parametrize("several", [False, True])
def test_every_granularity_is_drawn(granularity: Granularity, several: bool, tmp_path: Path) -> None:
    """Each plot holds a row for each of its keys, is named by its metric, and is saved as PNG and SVG."""
    table = pyarrow.concat_tables([many("b"), many("a")]) if several else many()
    chart = PlotGenerator(table).plot("output_error", granularity)
    specification = chart.to_dict()
    (rows,) = (data["values"] for data in _data_of(specification))
    expected = {"token": 4, "head": 6, "layer": 2}[granularity.value]
    assert len(rows) == expected * (2 if several else 1)
    png, svg = save(chart, tmp_path, "plot")
    assert png.read_bytes().startswith(b"\x89PNG")
    text = svg.read_text(encoding="utf-8")
    assert "relative error of the output" in text
    if several:
        assert text.index(">b<") < text.index(">a<")  # configs stay in their order


def test_a_metric_that_was_not_measured() -> None:
    """The choices are named."""
    with pytest.raises(UsageError, match="'mass' was not measured; measured: output_error, recall"):
        PlotGenerator(many()).plot("mass", Granularity.LAYER)
    assert metrics_of(measured([])) == []


@pytest.mark.parametrize(
    ("cost", "expected"),
    [
        ("density", [("quest 0.02", 0.25), ("quest 0.05", 0.75), ("quest 0.2", 1.0)]),
        ("milliseconds", [("quest 0.02", 0.25), ("quest 0.05", 0.75), ("dense", 1.0), ("quest 0.2", 1.0)]),
    ],
)
def test_the_pareto_front(build: Build, cost: str, expected: list[tuple[str, float]]) -> None:
    """The front that the chart draws is what nothing cheaper outdoes; dense attention counts where time is the cost."""
    building = build()
    building.add("dense", right=[1, 1, 1, 1], seconds=0.1)
    for density, right in ((0.02, [1, 0, 0, 0]), (0.05, [1, 1, 1, 0]), (0.1, [1, 1, 0, 0]), (0.2, [1, 1, 1, 1])):
        building.add(f"quest {density}", density=density, right=right, seconds=density)
    specification = quality_plots(building.results())[f"quality-{cost}-question"].to_dict()
    layers = specification["spec"]["layer"]
    front = next(layer for layer in layers if layer["mark"].get("interpolate") == "step-after")
    rows = _data_of(specification)[0]["values"]
    best = _evaluated(rows, front["transform"])
    assert [(row["attention"], row["score"]) for row in best] == expected


def test_points_of_what_has_a_score(build: Build) -> None:
    """A config without a score has no point, and an error bar stays where scores can be."""
    building = build()
    building.add("quest", density=0.1, right=[1, 1, 1, 1])
    building.add("pqcache", density=0.1, begun=False)
    (point,) = points(grouped(building.results().cells))
    assert (point["attention"], point["low"], point["high"]) == ("quest", 0.95, 1.0)
    assert point["milliseconds"] == pytest.approx(20.0)


def test_families_are_told_apart() -> None:
    """56 families have pairs of colour and shape of their own, on a light page and on a dark one."""
    names = [str(number) for number in range(56)]
    for theme in THEMES:
        assert len(set(zip(colours(names, theme), shapes(names), strict=True))) == 56


def test_plots_of_measurements(build: Build, tmp_path: Path) -> None:
    """Measured configs of one slice are compared in one plot for each metric and granularity."""
    building = build()
    for name in ("quest", "pqcache"):
        files = building.add(name, density=0.1)
        parquet.write_table(many().filter(compute.equal(many()["metric"], "output_error")), files.measurements)
    written = write_report(building.finished(), plots=tmp_path / "plots")
    names = {path.name for path in written if path.parent.name == "needle-needle-retrieval-1024-question"}
    assert names == {
        f"output-error-{granularity}.{kind}" for granularity in ("token", "head", "layer") for kind in ("png", "svg")
    }


def _data_of(specification: dict[str, Any]) -> list[dict[str, Any]]:
    found = [{"values": rows} for rows in specification.get("datasets", {}).values()]
    return found or [specification["data"]]


def _evaluated(rows: list[dict[str, Any]], transform: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """The rows that Vega leaves, in the order of their time: drawn as text marks, and read back from its scene."""
    specification = {
        "data": {"values": rows},
        "transform": transform,
        "mark": "text",
        "encoding": {
            "text": {"field": "attention", "type": "nominal"},
            "x": {"field": "milliseconds", "type": "ordinal"},
            "y": {"field": "score", "type": "quantitative"},
        },
    }
    texts: list[str] = []

    def walk(part: Any) -> None:
        if isinstance(part, dict):
            if part.get("marktype") == "text" and part.get("name") == "marks":
                texts.extend(str(item["text"]) for item in part["items"])
            for value in part.values():
                walk(value)
        elif isinstance(part, list):
            for value in part:
                walk(value)

    walk(vl_convert.vegalite_to_scenegraph(specification))
    return sorted((row for row in rows if row["attention"] in texts), key=lambda row: float(row["milliseconds"]))
