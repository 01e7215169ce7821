"""Every task of ZeroSCROLLS through a benchmark, from its archives to scores."""

from __future__ import annotations

from pathlib import Path

import pytest
from tests.tasks.in_this_process import answered

from .records import INSTRUCTIONS, write_archive


def test_every_task_is_asked_and_scored(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Ten cells, two answers each, every one scored by the task's published scorer."""
    for task in INSTRUCTIONS:
        write_archive(tmp_path / "set", task)
    tasks = [{"kind": "zeroscrolls", "task": task, "path": str(tmp_path / "set")} for task in INSTRUCTIONS]
    cells = answered(tasks, tmp_path / "results", monkeypatch).cells
    assert [(cell.task, cell.answered) for cell in cells] == [(f"zeroscrolls {task}", 2) for task in INSTRUCTIONS]
    assert [(cell.status, cell.score_error) for cell in cells] == [("complete", None)] * 10
    assert None not in [cell.score for cell in cells]
