"""One run of everything: all datasets of LongBench, its second version and both years of AIME, asked and scored."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from tests.tasks.in_this_process import answered
from tests.tasks.longcontext.aime.published import write_year
from tests.tasks.longcontext.longbench_v2.published import record as record_v2
from tests.tasks.longcontext.source.files import write, write_zip

from sah_tasks_longcontext.longbench.datasets import DATASETS

from .published import record


@pytest.fixture
def sets(tmp_path: Path) -> Path:
    """A folder with all files, two records each, with the names under which they are published."""
    datasets = {name: [record(name), record(name, 1)] for name in DATASETS}
    write_zip(tmp_path / "data.zip", **datasets, qasper_e=datasets["qasper"])
    write(tmp_path / "data.json", [record_v2(0), record_v2(1)])
    for year in (2024, 2025):
        write_year(tmp_path, year)
    return tmp_path


def test_everything_is_asked_and_scored(sets: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """From a config to a score for each cell; the embedded model, which knows no such words, is always wrong."""
    tasks: list[dict[str, Any]] = [
        *({"kind": "longbench", "dataset": name} for name in DATASETS),
        {"kind": "longbench", "dataset": "qasper", "extended": True, "samples": 1},
        {"kind": "longbench_v2"},
        *({"kind": "aime", "year": year} for year in (2024, 2025)),
    ]
    asked = [{**task, "path": str(sets)} for task in tasks]
    results = answered(asked, sets / "results", monkeypatch, truncate="middle")
    cells = {cell.task: (cell.scorer, cell.samples, cell.score) for cell in results.cells}
    assert len(cells) == 25
    assert cells == {
        **{f"longbench {name}": (dataset.scorer, 2, 0) for name, dataset in DATASETS.items()},
        "longbench-e qasper": ("longbench_qa_f1", 1, 0),
        "longbench_v2": ("longbench_v2_choice", 2, 0),
        "aime 2024": ("boxed_answer", 2, 0),
        "aime 2025": ("boxed_answer", 2, 0),
    }
