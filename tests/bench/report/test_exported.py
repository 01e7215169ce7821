"""Files to take away hold what was read: a row a cell, a row an answer."""

from __future__ import annotations

import csv
import json
from collections.abc import Callable
from io import StringIO
from pathlib import Path
from typing import Any

import pytest
from pyarrow import parquet  # type: ignore[import-untyped]  # it has no types

from sah_bench.report.export import COLUMNS, export, flat
from sah_bench.report.results import read_results
from sah_bench.report.write import write_report
from sah_core.errors import UsageError

Build = Callable[[], Any]


def test_cells_as_csv_and_parquet(build: Build, tmp_path: Path) -> None:
    """Both hold the same rows, in the order of the plan, with unknown numbers empty."""
    building = build()
    building.add("dense", seconds=0.04)
    building.add('quest "5 %", wide', density=0.05, swept={"budget": 0.05}, seconds=0.03)
    building.add("pqcache", density=0.1, begun=False)
    directory = building.finished()
    results = read_results(directory)
    written = export(directory, results, tmp_path / "out")
    assert [path.name for path in written] == ["cells.csv", "cells.parquet", "answers.parquet"]
    rows = parquet.read_table(written[1]).to_pylist()
    assert rows == [flat(cell) for cell in results.cells]
    assert rows[1]["attention"] == 'quest "5 %", wide'
    assert json.loads(rows[1]["swept"]) == {"budget": 0.05}
    assert rows[2]["score"] is None
    texts = list(csv.DictReader(StringIO(written[0].read_text(encoding="utf-8"))))
    assert list(texts[0]) == list(COLUMNS)
    for text, row in zip(texts, rows, strict=True):
        assert text == {name: "" if value is None else str(value) for name, value in row.items()}


def test_answers(build: Build, tmp_path: Path) -> None:
    """Every answer with its score, once for an address that the plan names twice, sorted by sample."""
    building = build()
    files = building.add("quest", density=0.1, right=[1, 0, None, 1], samples=4)
    files.answers.append({"sample": 2, "answer": "late", "tokens": 1, "attended": 1, "visible": 9, "cut": 0})
    building.lines.append(building.lines[0])
    directory = building.finished()
    path = export(directory, read_results(directory), tmp_path)[-1]
    address = building.lines[0]["address"]
    assert parquet.read_table(path).to_pylist() == [
        {"address": address, "sample": 0, "answer": "v0", "score": 1.0},
        {"address": address, "sample": 1, "answer": "v1", "score": 0.0},
        {"address": address, "sample": 2, "answer": "late", "score": None},
        {"address": address, "sample": 3, "answer": "v3", "score": 1.0},
    ]


def test_nothing_answered(build: Build, tmp_path: Path) -> None:
    """A plan of which nothing was begun gives files with their columns."""
    building = build()
    building.add("dense", begun=False)
    directory = building.finished()
    _, cells, answers = export(directory, read_results(directory), tmp_path)
    assert parquet.read_table(cells).num_rows == 1
    assert parquet.read_table(answers).column_names == ["address", "sample", "answer", "score"]


def test_all_reports(build: Build, tmp_path: Path) -> None:
    """The page goes into the directory unless it is told where, and everything that is written is named."""
    building = build()
    building.add("dense")
    building.add("quest", density=0.1)
    directory = building.finished()
    assert write_report(directory) == [directory.path / "report.html"]
    out = tmp_path / "out"
    written = write_report(
        directory, page=out / "a.html", markdown=out / "a.md", export=out / "files", plots=out / "plots", command="x y"
    )
    assert all(path.stat().st_size > 0 for path in written)
    assert [path.relative_to(out).as_posix() for path in written] == [
        "a.html",
        "a.md",
        "files/cells.csv",
        "files/cells.parquet",
        "files/answers.parquet",
        "plots/quality-density-question.png",
        "plots/quality-density-question.svg",
        "plots/quality-milliseconds-question.png",
        "plots/quality-milliseconds-question.svg",
    ]
    assert "`x y`" in (out / "a.md").read_text(encoding="utf-8")


def test_a_place_that_cannot_be_written(build: Build, tmp_path: Path) -> None:
    """A report that cannot be written says where, in a sentence."""
    building = build()
    building.add("dense")
    (tmp_path / "file").touch()
    with pytest.raises(UsageError, match=r"file.*the report cannot be written"):
        write_report(building.finished(), page=tmp_path / "file" / "page.html")
