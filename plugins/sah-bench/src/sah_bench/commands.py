"""The commands `sah bench` and `sah report`. Light: torch is imported when a command needs it."""

from __future__ import annotations

import typer

__all__ = ["add_commands"]


def add_commands(app: typer.Typer) -> None:
    """Add this package's commands."""
