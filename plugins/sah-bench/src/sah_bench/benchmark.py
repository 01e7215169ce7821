"""`Benchmark`: a config and a directory of results, from Python."""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Self

from attrs import frozen

from .config.bench import BenchConfig
from .config.load import load_bench
from .executor.executor import BenchmarkExecutor
from .executor.listener import Listener
from .executor.local_workers import LocalWorkers
from .executor.outcome import Outcome
from .executor.workers import Workers
from .plan.plan import Plan, make_plan
from .report.results import Results, read_results
from .store.directory import ResultsDirectory

__all__ = ["Benchmark"]


@frozen
class Benchmark:
    """What is to be asked, and where the answers are kept; what was answered there before is not asked again."""

    config: BenchConfig
    directory: ResultsDirectory

    @classmethod
    def from_config(
        cls,
        source: BenchConfig | str | os.PathLike[str] | Mapping[str, Any],
        directory: str | os.PathLike[str] | None = None,
    ) -> Self:
        """From a file, a mapping of the same form, or a config that was checked; ``directory`` goes before its own.

        Raises ConfigError as `load_bench` does, and UsageError for a directory that cannot hold the results.
        """
        config = source if isinstance(source, BenchConfig) else load_bench(source)
        stem = Path(source).stem if isinstance(source, str | os.PathLike) else config.name or "benchmark"
        return cls(config, ResultsDirectory.created(Path(directory or config.output or f"results/{stem}")))

    def plan(self, kind: str | None = None) -> Plan:
        """The cells, their rows and what is learned beforehand, for workers that run on this ``kind`` of device.

        By default, on this machine's. Raises as `make_plan` does.
        """
        return make_plan(self.config, self.directory, kind=kind)

    def run(
        self, plan: Plan | None = None, workers: Workers | None = None, listener: Listener | None = None
    ) -> Outcome:
        """Answer what is not answered yet, by default with processes on this machine, one for each device.

        ``workers`` of your own are left open, for another run in this directory.
        A script that calls it needs an ``if __name__ == "__main__"`` guard, as such processes import it.
        """
        plan = self.plan() if plan is None else plan
        if workers is not None:
            return BenchmarkExecutor(plan, self.directory, workers, listener).run()
        with LocalWorkers(plan.workers, self.directory.path) as made:
            return BenchmarkExecutor(plan, self.directory, made, listener).run()

    @property
    def results(self) -> Results:
        """What is known of every cell, read now."""
        return read_results(self.directory)
