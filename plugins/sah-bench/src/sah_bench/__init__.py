"""Evaluate sparse attention and report it, reproducibly: `sah bench` and `sah report`. Light: imports no torch."""

from __future__ import annotations

from typing import TYPE_CHECKING

from sah_core.plugins import RegisterNamed, RegisterTask, hookimpl

if TYPE_CHECKING:
    import typer

SAH_API_VERSION = 1

__all__ = [
    "SAH_API_VERSION",
    "sah_register_commands",
    "sah_register_metrics",
    "sah_register_scorers",
    "sah_register_tasks",
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
    """Add `sah bench` and `sah report`."""
    from .commands import add_commands

    add_commands(app)
