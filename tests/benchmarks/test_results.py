"""What a benchmark leaves behind: the JSON file, the tables, the bars, the page and the plots."""

import argparse
from pathlib import Path
from typing import Any

import attrs
import pytest
from benchmarks.report import command as report
from benchmarks.results.bars import BARS, judged
from benchmarks.results.cells import digits, spread, tables
from benchmarks.results.page import page
from benchmarks.results.plots import draw
from benchmarks.results.record import Record, Row, read_records, write_record
from benchmarks.timing.statistics import Spread

TEN = Spread(10.0, 9.0, 12.5)


def step(operation: str, context: int, milliseconds: float, dtype: str = "float32", **more: Any) -> Row:
    """A row of the decode benchmark, 10 times as fast as dense."""
    dense = {name: Spread(10 * milliseconds, 1.0, 1.0) for name in ("sdpa", "sdpa, grouped", "matmul")}
    given: dict[str, Any] = {
        "table": "A step by context",
        "operation": operation,
        "setting": {"dtype": dtype, "context": context, "heads": "4 query and 2 KV heads of 8"},
        "milliseconds": {**dense, "step": Spread(milliseconds, milliseconds, milliseconds)},
        "ratios": {"step": TEN},
        "reference": "matmul",
        "density": 0.02,
        "path": "gathered",
        "limits_ms": {"step": 0.25, "attend": 0.125, "dense": 2.0},
    }
    return Row(**{**given, **more})


def record(*rows: Row, benchmark: str = "decode") -> Record:
    return Record(benchmark, f"python -m benchmarks {benchmark}", 1, 2e9, {"cores": "2"}, {"torch": "2.13"}, rows)


def test_records_come_back_as_they_were_written(tmp_path: Path) -> None:
    """A record takes the place of the same benchmark's earlier one, and leaves the others alone."""
    path = tmp_path / "folder" / "performance.json"
    assert read_records(path) == {}
    first, other = record(step("quest, shared", 512, 1.5)), record(benchmark="masks")
    second = record(step("quest, shared", 512, 2.5, config={"maskers": [{"kind": "quest"}]}, nbytes={"index": 7}))
    for each in (first, other, second):
        write_record(path, each)
    assert read_records(path) == {"decode": second, "masks": other}
    assert list(path.parent.iterdir()) == [path]


@pytest.mark.parametrize(
    ("value", "text"),
    [(0.0123, "0.0123"), (1.234, "1.23"), (56.78, "56.8"), (99.96, "100"), (1234.4, "1234"), (0, "0")],
)
def test_digits(value: float, text: str) -> None:
    """Three digits, and all of those before the point."""
    assert digits(value) == text


def test_a_table_shows_what_differs_and_titles_what_does_not() -> None:
    """Heads and dtype are the same for both rows, the context is not; what a row lacks is a dash."""
    rows = [
        step("quest, shared", 512, 0.5),
        step("sink + local", 1024, 0.25, numbers={"tokens a second": 4.0}, density=None, limits_ms={}),
    ]
    (table,) = tables(rows)
    assert table.title == "A step by context, dtype float32, heads 4 query and 2 KV heads of 8"
    assert table.header[:4] == ("operation", "context", "density", "path")
    assert table.header[-2:] == ("x step", "tokens a second")
    shown = [dict(zip(table.header, row, strict=True)) for row in table.rows]
    assert shown[0]["density"] == "2.00%"
    assert shown[0]["step ms"] == "0.500"
    assert shown[0]["limit of step ms"] == "0.250"
    assert shown[0]["x step"] == "10.0 (9.00 to 12.5)" == spread(TEN)
    assert shown[0]["tokens a second"] == "-"
    assert (shown[1]["density"], shown[1]["limit of step ms"], shown[1]["tokens a second"]) == ("-", "-", "4.00")


def test_a_bar_is_judged_by_the_median_of_each_row_it_is_about() -> None:
    """Quest at 32K should be 8 times as fast, the window 30 times: 10 meets the first alone; other contexts do not
    count, and what was not measured is neither met nor missed."""
    rows = [step(name, context, 1.0) for name in ("quest, shared", "sink + local") for context in (4096, 32768)]
    rows.append(step("quest, shared", 32768, 1.0, dtype="bfloat16"))
    found = {each.bar.text: each.met for each in judged({"decode": record(*rows)}) if each.row is not None}
    assert found == {"quest, page 16, 2 %, shared": True, "sink 128 + local 128": False}
    assert sum(each.row is not None for each in judged({"decode": record(*rows)})) == 3
    assert all(each.met is None for each in judged({}))
    assert len(judged({})) == len(BARS)


def test_a_bar_from_above_is_met_below_it() -> None:
    """Attending to a fixed budget should take at most 1.3 times as long at 128K as at 8K."""
    bar = next(bar for bar in BARS if bar.at_most is not None)
    assert bar.at_most == 1.3
    assert bar.met(Spread(1.3, 1.0, 1.9))
    assert not bar.met(Spread(1.31, 1.0, 1.9))


def test_the_page_says_what_was_measured_and_what_was_missed() -> None:
    """A row for every bar, met or not or not measured; machine, bandwidth and tables below."""
    text = page(
        {"decode": record(step("quest, shared", 32768, 1.0), step("sink + local", 32768, 1.0))}, [("A plot", "a.png")]
    )
    assert "| quest, page 16, 2 %, shared | float32, 32768 | >= 8 | 10.0 (9.00 to 12.5) | yes |" in text
    assert "| sink 128 + local 128 | float32, 32768 | >= 30 | 10.0 (9.00 to 12.5) | **no** |" in text
    assert "| sink 128 + local 128 | 131072 | >= 120 | not measured | - |" in text
    assert "![A plot](a.png)" in text
    assert "memory is read at 2.00 GB/s" in text
    assert "| quest, shared | 2.00% | gathered | 10.0 | 10.0 | 10.0 | 1.00 |" in text


def test_the_report_is_made_again_from_the_numbers(tmp_path: Path) -> None:
    """The same page, plots and all, without measuring; without numbers there is nothing to make it of."""
    write_record(
        tmp_path / "performance.json", record(step("quest, shared", 512, 1.0), step("quest, shared", 1024, 2.0))
    )
    report.run(argparse.Namespace(output=tmp_path))
    assert "![Time of a decode step by context](performance-context.png)" in (tmp_path / "performance.md").read_text()
    assert (tmp_path / "performance-context.png").exists()
    with pytest.raises(SystemExit, match=r"there is no performance\.json"):
        report.run(argparse.Namespace(output=tmp_path / "none"))


def test_plots_are_drawn_from_several_contexts(tmp_path: Path) -> None:
    """A PNG and an SVG, which names its lines; nothing where there is a single point, or no decode benchmark."""
    rows = [
        step(name, context, context / 1024, dtype)
        for dtype in ("float32", "bfloat16")
        for name in ("quest, shared", "sink + local")
        for context in (512, 2048)
    ]
    captions = draw({"decode": record(*rows)}, tmp_path, "performance")
    assert captions == [("Time of a decode step by context", "performance-context.png")]
    assert {path.name for path in tmp_path.iterdir()} == {"performance-context.png", "performance-context.svg"}
    assert (tmp_path / "performance-context.png").read_bytes().startswith(b"\x89PNG")
    drawn = (tmp_path / "performance-context.svg").read_text(encoding="utf-8")
    for label in ("dense: matmul", "quest, shared", "limit: all keys and values", "keys in the context", "bfloat16"):
        assert f"<!-- {label} -->" in drawn
    assert draw({"decode": record(*rows[:1])}, tmp_path / "none", "performance") == []
    assert draw({"masks": attrs.evolve(record(), benchmark="masks")}, tmp_path / "none", "performance") == []
