"""`Asking`: configs are asked through the executor, and what they answered comes back by their names."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from contextlib import AbstractContextManager
from typing import TYPE_CHECKING

from attrs import field, frozen

from sah_bench.benchmark import Benchmark
from sah_bench.executor.executor import BenchmarkExecutor
from sah_bench.executor.listener import Listener
from sah_bench.executor.progress import shown_progress
from sah_bench.executor.workers import Workers
from sah_bench.plan.plan import Plan
from sah_bench.report.cell_result import CellResult
from sah_bench.report.results import read_results
from sah_bench.store.directory import ResultsDirectory
from sah_core.config import AttentionConfig

if TYPE_CHECKING:
    from sah_bench.config.tune import TuneConfig

__all__ = ["Asking"]


@frozen(eq=False)
class Asking:
    """Where, of whom and under which settings a study asks."""

    config: TuneConfig
    directory: ResultsDirectory
    workers: Workers
    kind: str | None = None
    """Of the workers' devices; None: this machine's."""
    shown: Callable[[Plan], AbstractContextManager[Listener]] = field(default=shown_progress)

    def plan(self, attention: Mapping[str, AttentionConfig | None], seeds: Sequence[int]) -> Plan:
        """What would be asked; raises as `make_plan` does."""
        return Benchmark(self.config.bench(attention, seeds), self.directory).plan(self.kind)

    def ask(self, attention: Mapping[str, AttentionConfig | None], seeds: Sequence[int]) -> dict[str, list[CellResult]]:
        """The cells of each config, in the order of tasks, lengths and seeds; what was answered before is not asked.

        A cell that fails is in it. KeyboardInterrupt goes through, and what was answered stays.
        """
        plan = self.plan(attention, seeds)
        with self.shown(plan) as listener:
            BenchmarkExecutor(plan, self.directory, self.workers, listener).run()
        found: dict[str, list[CellResult]] = {name: [] for name in attention}
        for cell in read_results(self.directory).cells:
            found[cell.attention].append(cell)
        return found
