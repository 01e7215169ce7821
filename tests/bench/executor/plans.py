"""Plans to execute: of the embedded model, on one CPU, with few and short contexts."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import attrs

from sah_bench.executor.executor import BenchmarkExecutor
from sah_bench.executor.listener import Listener
from sah_bench.executor.local_workers import LocalWorkers
from sah_bench.executor.outcome import Outcome, Status
from sah_bench.plan.cell import Cell
from sah_bench.plan.plan import Plan
from sah_bench.store.cell_files import CellFiles
from sah_bench.store.directory import ResultsDirectory
from sah_model_needle import NeedleTask
from sah_model_needle.checkpoint import directory as needle_files

MakePlan = Callable[..., Plan]
"""``make(directory, **config)``."""

ONE_CPU = {"devices": ["cpu"], "threads": 1}
SPANS = [{"kind": "sink"}, {"kind": "local", "window": 16}]


@attrs.define
class Heard:
    """What a listener is told, in a line each."""

    events: list[str] = attrs.field(factory=list)

    def cell_begun(self, cell: Cell, answered: int) -> None:
        self.events.append(f"{cell.attention_name} begun with {answered}")

    def sample_answered(self, cell: Cell, sample: int) -> None:
        self.events.append(f"{cell.attention_name} answered {sample}")

    def cell_ended(self, cell: Cell, status: Status) -> None:
        self.events.append(f"{cell.attention_name} {status}")

    def note(self, text: str) -> None:
        self.events.append(text)


def execute(plan: Plan, directory: ResultsDirectory, listener: Listener | None = None) -> Outcome:
    """Do a plan with worker processes."""
    with LocalWorkers(plan.workers, directory.path) as workers:
        return BenchmarkExecutor(plan, directory, workers, listener).run()


def joined(*plans: Plan) -> Plan:
    """All cells of several plans; timeouts and workers are the first one's."""
    return attrs.evolve(
        plans[0],
        cells=tuple(cell for plan in plans for cell in plan.cells),
        tables={digest: rows for plan in plans for digest, rows in plan.tables.items()},
        calibrations=tuple(each for plan in plans for each in plan.calibrations),
    )


def parts(plan: Plan, *names: str) -> Plan:
    """The cells whose attention has one of these names."""
    return attrs.evolve(plan, cells=tuple(cell for cell in plan.cells if cell.attention_name in names))


def cell_of(plan: Plan, name: str) -> Cell:
    """The only cell whose attention has this name."""
    (found,) = (cell for cell in plan.cells if cell.attention_name == name)
    return found


def attention(name: str, *maskers: dict[str, Any]) -> dict[str, Any]:
    """An entry of a config's ``attention``: sink and window, and then these."""
    return {"name": name, "maskers": [*SPANS, *maskers]}


def answered(files: CellFiles) -> list[int]:
    """The samples that have an answer, in the order of the file."""
    return [line["sample"] for line in files.answers.read().values]


def write_rows(path: Path, asked: Mapping[int, int]) -> Path:
    """A file of rows: for each length a needle context of so many tokens, with so many questions."""
    lines = []
    for number, (length, questions) in enumerate(asked.items()):
        sample = NeedleTask(length=length, spacing=8, questions=questions).sample(7, number)
        for question, answer in zip(sample.questions, sample.answers, strict=True):
            row = {"context": sample.context, "question": question, "answer": answer, "max_new_tokens": 4}
            lines.append(json.dumps(row) + "\n")
    path.write_text("".join(lines))
    return path


def needle_copy(folder: Path, **config: Any) -> Path:
    """The embedded model's files, with changes to its config."""
    shutil.copytree(needle_files(), folder)
    known = json.loads((folder / "config.json").read_text())
    (folder / "config.json").write_text(json.dumps({**known, **config}))
    return folder
