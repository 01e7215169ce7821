"""Evaluate sparse attention and report it, reproducibly: `sah bench` and `sah report`. Light: imports no torch."""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

from sah_core.plugins import RegisterNamed, RegisterTask, hookimpl

if TYPE_CHECKING:
    import typer

    from .benchmark import Benchmark
    from .config.bench import BenchConfig
    from .config.load import load_bench, load_tune
    from .config.tune import TuneConfig
    from .executor.executor import BenchmarkExecutor
    from .executor.local_workers import LocalWorkers
    from .executor.outcome import Outcome
    from .executor.workers import Workers
    from .measure.micro import MicroMetric, MicroMetricLogger
    from .plan.plan import Plan, make_plan
    from .report.plots import Granularity, PlotGenerator
    from .report.results import Results, read_results
    from .report.write import write_report
    from .store.directory import ResultsDirectory
    from .tasks.row import Row
    from .tasks.task import Task, TaskConfig

SAH_API_VERSION = 1

_LAZY = {
    "BenchConfig": "config.bench",
    "Benchmark": "benchmark",
    "BenchmarkExecutor": "executor.executor",
    "Granularity": "report.plots",
    "LocalWorkers": "executor.local_workers",
    "MicroMetric": "measure.micro",
    "MicroMetricLogger": "measure.micro",
    "Outcome": "executor.outcome",
    "Plan": "plan.plan",
    "PlotGenerator": "report.plots",
    "Results": "report.results",
    "ResultsDirectory": "store.directory",
    "Row": "tasks.row",
    "Task": "tasks.task",
    "TaskConfig": "tasks.task",
    "TuneConfig": "config.tune",
    "Workers": "executor.workers",
    "load_bench": "config.load",
    "load_tune": "config.load",
    "make_plan": "plan.plan",
    "read_results": "report.results",
    "write_report": "report.write",
}

__all__ = [
    "SAH_API_VERSION",
    "BenchConfig",
    "Benchmark",
    "BenchmarkExecutor",
    "Granularity",
    "LocalWorkers",
    "MicroMetric",
    "MicroMetricLogger",
    "Outcome",
    "Plan",
    "PlotGenerator",
    "Results",
    "ResultsDirectory",
    "Row",
    "Task",
    "TaskConfig",
    "TuneConfig",
    "Workers",
    "load_bench",
    "load_tune",
    "make_plan",
    "read_results",
    "sah_register_commands",
    "sah_register_metrics",
    "sah_register_scorers",
    "sah_register_tasks",
    "write_report",
]


@hookimpl
def sah_register_tasks(register: RegisterTask) -> None:
    """Offer the tasks `needle` and `file`."""
    from .tasks.configs import FileConfig, NeedleConfig

    register(NeedleConfig, "sah_bench.tasks.needle:Needle")
    register(FileConfig, "sah_bench.tasks.file:File")


@hookimpl
def sah_register_scorers(register: RegisterNamed) -> None:
    """Offer `exact`, `f1` and `contains`."""
    register("exact", "sah_bench.scoring.scorers:exact", description="1 where the answer is a right one, to the letter")
    register("f1", "sah_bench.scoring.scorers:f1", description="words in common with the nearest right answer")
    register("contains", "sah_bench.scoring.scorers:contains", description="1 where a right answer occurs in it")


@hookimpl
def sah_register_metrics(register: RegisterNamed) -> None:
    """Offer what can be measured of an attention call."""
    at = "sah_bench.measure.metrics"
    register("density", f"{at}:Density", description="attended over visible keys")
    register("output_error", f"{at}:OutputError", description="|sparse - dense| / |dense| of a head's output")
    register("mass", f"{at}:Mass", description="the part of dense attention's weights on attended keys")
    register("recall", f"{at}:Recall", description="of as many largest logits, the part that is attended to")
    register(
        "variance", f"{at}:Variance", description="of the estimated denominator over its square, from the draw itself"
    )


@hookimpl
def sah_register_commands(app: typer.Typer) -> None:
    """Add `sah bench`, `sah report` and `sah tasks`."""
    from .commands import add_commands

    add_commands(app)


def __getattr__(name: str) -> Any:
    if name not in _LAZY:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    value = getattr(import_module(f"{__name__}.{_LAZY[name]}"), name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
