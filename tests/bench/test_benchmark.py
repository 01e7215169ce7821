"""`Benchmark`, the way in from Python: where its results go, and what it knows before anything is asked."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from sah_bench import Benchmark, load_bench
from sah_core import UsageError

SMALL: dict[str, Any] = {
    "version": 1,
    "models": ["needle"],
    "attention": ["dense"],
    "tasks": [{"kind": "needle", "samples": 2}],
    "lengths": [64],
}


def test_where_results_go(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Where the caller says, else where the config says, else under its file's name, or its own."""
    monkeypatch.chdir(tmp_path)
    (tmp_path / "mine.json").write_text(json.dumps(SMALL))
    given = {**SMALL, "output": "its/own"}
    assert Benchmark.from_config("mine.json").directory.path == Path("results/mine")
    assert Benchmark.from_config(given).directory.path == Path("its/own")
    assert Benchmark.from_config(given, tmp_path / "said").directory.path == tmp_path / "said"
    assert Benchmark.from_config(load_bench({**SMALL, "name": "named"})).directory.path == Path("results/named")


def test_before_anything_is_asked(tmp_path: Path) -> None:
    """There is a plan, and there are no results."""
    benchmark = Benchmark.from_config(SMALL, tmp_path / "results")
    assert [cell.samples for cell in benchmark.plan().cells] == [2]
    with pytest.raises(UsageError, match="nothing was asked for yet"):
        _ = benchmark.results
