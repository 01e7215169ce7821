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


def test_every_scorer_scores_a_run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Another scorer in the config scores the answers that are there."""
    write(tmp_path / "set" / FILES["shortdep_qa"], flat("shortdep_qa"))
    write(tmp_path / "set" / FILES["shortdep_cloze"], flat("shortdep_cloze"))
    asked = {f"loogle_{name}": "shortdep_qa" for name in ("rouge_1", "rouge_2", "rouge_l", "bleu_1", "bleu_4")}
    asked |= {f"loogle_cloze_{name}": "shortdep_cloze" for name in ("exact", "partial")}
    for scorer, task in asked.items():
        given = {"kind": "loogle", "task": task, "path": str(tmp_path / "set"), "scorer": scorer}
        (cell,) = answered([given], tmp_path / "results", monkeypatch).cells
        assert (cell.scorer, cell.status, cell.score_error) == (scorer, "complete", None)
        assert cell.score is not None
