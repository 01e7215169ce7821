"""Broken: its command hook adds one command and raises."""

from __future__ import annotations

from typing import TYPE_CHECKING

from sah_core import hookimpl

if TYPE_CHECKING:
    import typer

SAH_API_VERSION = 1


@hookimpl
def sah_register_commands(app: typer.Typer) -> None:
    """Add a command, then fail."""

    @app.command()
    def halfway() -> None:
        """Never run."""

    raise OSError("no terminal")
