"""`BenchCommand`: `sah bench FILE`, and beside it commands such as `sah bench tune FILE`, told by their first word."""

from __future__ import annotations

from typing import Any

from typer.core import TyperCommand
from typer.main import get_command

from .commands_tune import tune_app

__all__ = ["BenchCommand"]


class BenchCommand(TyperCommand):
    """A command with options and arguments of its own that hands over where its first word names another one.

    A typer group would show its commands instead of them. Whoever invokes a command does so by its context, which may
    be another command's. A file with the name of a command is asked for as ``./tune``.
    """

    def make_context(self, info_name: str | None, args: list[str], parent: Any = None, **extra: Any) -> Any:
        """What is to be invoked: the other command with the words behind its name, or this one with all of them."""
        if args[:1] == ["tune"]:
            return get_command(tune_app()).make_context(f"{info_name} tune", args[1:], parent, **extra)
        return super().make_context(info_name, args, parent, **extra)
