"""RULER's tasks for `sah bench`. Light: imports no torch."""

from __future__ import annotations

from sah_core.plugins import RegisterNamed, RegisterTask, hookimpl

SAH_API_VERSION = 1

__all__ = ["SAH_API_VERSION", "sah_register_scorers", "sah_register_tasks"]


@hookimpl
def sah_register_tasks(register: RegisterTask) -> None:
    """Offer the task `ruler`."""
    from .config import RulerConfig

    register(RulerConfig, "sah_tasks_ruler.ruler:Ruler")


@hookimpl
def sah_register_scorers(register: RegisterNamed) -> None:
    """Offer `ruler_all` and `ruler_part`."""
    at = "sah_tasks_ruler.scoring"
    register("ruler_all", f"{at}:ruler_all", description="the share of right answers that occur in it")
    register("ruler_part", f"{at}:ruler_part", description="1 where any right answer occurs in it")
