"""Every task of LooGLE through a benchmark, from a folder of its files to scores."""

from __future__ import annotations

from pathlib import Path

import pytest
from tests.tasks.in_this_process import answered

from .records import ANSWERS, FILES, flat, write


def test_every_task_is_asked_and_scored(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A cell for each task, its questions answered and scored; two questions about one play are of one context."""
    for task, name in FILES.items():
        write(tmp_path / "set" / name, flat(task))
    tasks = [{"kind": "loogle", "task": task, "path": str(tmp_path / "set")} for task in FILES]
    cells = answered(tasks, tmp_path / "results", monkeypatch).cells
    assert [(cell.task, cell.answered, cell.contexts) for cell in cells] == [
        (f"loogle {task}", len(ANSWERS[task]), 2) for task in FILES
    ]
    assert [(cell.status, cell.score_error) for cell in cells] == [("complete", None)] * 4
    assert None not in [cell.score for cell in cells]
