"""Plans done on Ray, and what must be the same however they are done."""

from __future__ import annotations

import threading
from pathlib import Path
from typing import Any

from sah_bench.config.sections import RayConfig, WorkersConfig
from sah_bench.executor.executor import BenchmarkExecutor
from sah_bench.executor.listener import Listener
from sah_bench.executor.outcome import Outcome
from sah_bench.plan.plan import Plan
from sah_bench.store.cell_files import CellFiles
from sah_bench.store.directory import ResultsDirectory

COMPARED = ("answers.jsonl", "cell.json", "measurements.parquet", "scores.json")
"""Times are of a run; everything else is of the plan."""


def workers(**ray: Any) -> WorkersConfig:
    """Of one thread each, on Ray."""
    return WorkersConfig(threads=1, ray=RayConfig(**ray))


def execute_on_ray(plan: Plan, directory: ResultsDirectory, listener: Listener | None = None, **ray: Any) -> Outcome:
    """Do a plan with workers of their own; ``ray`` is what the config says of them."""
    from sah_bench.cluster.ray_workers import RayWorkers

    with RayWorkers.open(workers(**ray), directory) as there:
        return BenchmarkExecutor(plan, directory, there, listener).run()


def waiting(until: Path) -> int:
    """Which process waits for this file to be made; returns when one does."""
    waits = until.with_name(f"{until.name}.waits")
    while not waits.exists():
        threading.Event().wait(0.01)
    return int(waits.read_bytes())


def contents(files: CellFiles) -> dict[str, bytes]:
    """What is compared, as far as it is there."""
    return {name: (files.path / name).read_bytes() for name in COMPARED if (files.path / name).exists()}
