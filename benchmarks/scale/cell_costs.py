"""Measure what a cell costs beside its model: what each cell takes, and what each of its samples adds."""

from __future__ import annotations

import tempfile
from pathlib import Path
from statistics import median
from typing import Final

from sah_bench import ResultsDirectory, load_bench, make_plan
from sah_bench.executor.cell_work import answer_cell
from sah_bench.executor.jobs import CellJob
from sah_bench.executor.worker_process import Setup, make_desk
from sah_bench.tasks.table_file import write_table

from .fit import rates

__all__ = ["cell_costs"]

_FEW: Final = 1
_MANY: Final = 33


def cell_costs(cells: int, context: int = 256) -> tuple[float, float]:
    """Seconds a cell, and seconds a sample of it, with the embedded model in this process.

    From so many cells of one sample and as many of 33, after one that loads the model: the cell's seconds less those of
    the model, the median of each kind. The clock's, as the disk is part of it.
    """
    found = {samples: median(_beside(cells, samples, context)) for samples in (_FEW, _MANY)}
    cell, sample = rates([(1, _FEW), (1, _MANY)], [found[_FEW], found[_MANY]])
    return cell, sample


def _beside(cells: int, samples: int, context: int) -> list[float]:
    config = load_bench(
        {
            "version": 1,
            "models": ["needle"],
            "attention": ["dense"],
            "tasks": [{"kind": "needle", "samples": samples}],
            "lengths": [context],
            "seeds": list(range(cells + 1)),
            "workers": {"devices": ["cpu"], "threads": 1},
        }
    )
    with tempfile.TemporaryDirectory() as folder:
        directory = ResultsDirectory.created(Path(folder) / "results")
        plan = make_plan(config, directory)
        for digest in plan.tables:
            write_table(directory.table(digest), plan.tables[digest])
        desk = make_desk(Setup(directory.path, "cpu", 1, 0.0), lambda event: None)
        ended = [answer_cell(CellJob(cell), desk) for cell in plan.cells]
    failed = [str(each.failure) for each in ended if each.failure is not None]
    if failed:
        raise RuntimeError("\n".join(failed))
    return [each.cell_seconds - each.model_seconds for each in ended[1:]]
