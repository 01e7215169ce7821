"""RULER's tasks for `sah bench`. Light: imports no torch."""

from __future__ import annotations

from sah_core.plugins import RegisterNamed, RegisterTask, hookimpl

SAH_API_VERSION = 1

__all__ = ["SAH_API_VERSION", "sah_register_scorers", "sah_register_tasks"]


@hookimpl
def sah_register_tasks(register: RegisterTask) -> None:
    """Offer the tasks."""


@hookimpl
def sah_register_scorers(register: RegisterNamed) -> None:
    """Offer the scorers."""
