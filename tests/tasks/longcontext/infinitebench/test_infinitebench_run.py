"""Every task of InfiniteBench through a benchmark, from a folder of its files to scores."""

from __future__ import annotations

from pathlib import Path

import pytest
from tests.tasks.in_this_process import answered

from .records import RECORDS, write


def test_every_task_is_asked_and_scored(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Twelve cells, two answers each, every one scored by the task's own scorer."""
    for task, records in RECORDS.items():
        write(tmp_path / "set" / f"{task}.jsonl", records)
    tasks = [{"kind": "infinitebench", "task": task, "path": str(tmp_path / "set")} for task in RECORDS]
    cells = answered(tasks, tmp_path / "results", monkeypatch).cells
    assert [(cell.task, cell.scorer, cell.answered) for cell in cells] == [
        (f"infinitebench {task}", f"infinitebench_{task}", 2) for task in RECORDS
    ]
    assert [(cell.status, cell.score_error) for cell in cells] == [("complete", None)] * 12
    assert None not in [cell.score for cell in cells]
