"""Where text for people goes: coloured and fitted to a terminal, plain and unwrapped into a pipe or file."""

from __future__ import annotations

import sys

from rich.console import Console
from rich.table import Table

__all__ = ["output_console", "plain_table"]

_PIPED_WIDTH = 1000


def output_console() -> Console:
    """A console on stdout; what it prints is text, not markup, as names and messages may hold brackets."""
    width = None if sys.stdout.isatty() else _PIPED_WIDTH
    return Console(width=width, markup=False, highlight=False, emoji=False)


def plain_table(*columns: str) -> Table:
    """A table with a rule under its header and nothing else."""
    table = Table(*columns, box=None, pad_edge=False, padding=(0, 2, 0, 0), header_style="bold")
    for column in table.columns:
        column.overflow = "fold"
    return table
