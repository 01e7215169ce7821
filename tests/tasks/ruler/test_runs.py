"""All thirteen tasks asked of the embedded model by a benchmark; and that making rows needs no torch."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from sah_bench import Benchmark
from sah_bench.tasks.row import digest_of
from sah_tasks_ruler.config import HAYSTACK_OF, TaskName
from sah_tasks_ruler.ruler import Ruler

from .made_files import TASKS, config_of
from .made_tokenizers import words


def test_every_task_gets_a_score(files: dict[str, str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """One sample of each at length 900, which the model reads and answers; it learned other text, and scores little."""
    monkeypatch.setenv("SAH_COMPILED", "0")  # compiling loops takes longer than they save here
    tasks: list[dict[str, Any]] = []
    for task in TASKS:
        given: dict[str, Any] = {"kind": "ruler", "task": task, "samples": 1}
        if HAYSTACK_OF.get(task) == "essay":
            given["essays"] = files["essays.txt"]
        if task.startswith("qa"):
            given["questions"] = files["squad.json" if task == "qa_1" else "hotpot.json"]
        tasks.append(given)
    config = {
        "version": 1,
        "models": ["needle"],
        "attention": ["dense"],
        "tasks": tasks,
        "lengths": [900],
        "workers": {"devices": ["cpu"], "threads": 1},
        "timeout": {"sample": 120, "cell": 300},
    }
    benchmark = Benchmark.from_config(config, tmp_path / "results")
    outcome = benchmark.run()
    assert (outcome.complete, outcome.failed, outcome.incomplete) == (13, 0, 0)
    cells = {cell.task: cell for cell in benchmark.results.cells}
    assert cells.keys() == {f"ruler {task}" for task in TASKS}
    assert all(cell.score is not None and 0 <= cell.score <= 1 for cell in cells.values())


@pytest.mark.parametrize(
    ("task", "digest"),
    [
        ("niah_multikey_3", "d686f3810dde4464"),
        ("vt", "61f1df8b00156480"),
        ("fwe", "1e6d5f886dbdec4e"),
    ],
)
def test_rows_are_the_same_everywhere(files: dict[str, str], task: TaskName, digest: str) -> None:
    """On any platform and version of Python: the digest of two samples at length 1500 with seed 0."""
    assert digest_of(Ruler(config_of(task, files)).rows(1500, 0, words()))[:16] == digest


def test_importing_the_task_imports_no_torch() -> None:
    """Task and scorers are imported, and a config is made, in a process that never loads torch or transformers."""
    script = (
        "import sys, sah_tasks_ruler, sah_tasks_ruler.ruler, sah_tasks_ruler.scoring; "
        "from sah_tasks_ruler.config import RulerConfig; RulerConfig(task='vt'); "
        "print(sorted({'torch', 'transformers', 'wonderwords'} & {*sys.modules}))"
    )
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True, timeout=120)
    assert done.stdout == "[]\n"
