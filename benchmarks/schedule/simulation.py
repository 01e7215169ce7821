"""`simulate`: a plan through the executor, on simulated workers; what the executor itself takes."""

from __future__ import annotations

import tempfile
import time
from pathlib import Path

import attrs

from sah_bench.executor.executor import BenchmarkExecutor
from sah_bench.executor.listener import Listener
from sah_bench.executor.outcome import Outcome
from sah_bench.plan.plan import Plan
from sah_bench.store.directory import ResultsDirectory

from .simulated import SimulatedWorkers

__all__ = ["Simulated", "simulate"]


@attrs.frozen
class Simulated:
    """How a run went."""

    outcome: Outcome
    workers: SimulatedWorkers
    executor_seconds: float
    """Real ones, of the executor alone."""

    @property
    def wall(self) -> float:
        """Simulated seconds from start to end."""
        return self.workers.now

    @property
    def idle(self) -> float:
        """The share of all places' time that went by without a job."""
        return 1 - self.workers.busy / (self.wall * self.workers.places)


def simulate(plan: Plan, workers: SimulatedWorkers, listener: Listener | None = None) -> Simulated:
    """Run it in a directory of its own, which is removed."""
    with tempfile.TemporaryDirectory() as folder, workers:
        directory = ResultsDirectory.created(Path(folder) / "results")
        executor = BenchmarkExecutor(plan, directory, workers, listener)
        begun = time.perf_counter()
        outcome = executor.run()
        seconds = time.perf_counter() - begun
    return Simulated(outcome, workers, seconds - workers.waiting)
