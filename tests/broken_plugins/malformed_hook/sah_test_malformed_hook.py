"""Broken: its hook takes an argument that the hook does not have."""

from __future__ import annotations

from sah_core import hookimpl

SAH_API_VERSION = 1


@hookimpl
def sah_register_maskers(registry: object) -> None:
    """Never called: pluggy refuses the argument's name."""
