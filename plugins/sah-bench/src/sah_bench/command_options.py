"""The options that `sah bench` and `sah bench tune` share. Light."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from .config.where import Where

__all__ = ["Address", "AsJson", "Device", "Executor", "Output"]

Output = Annotated[
    Path | None,
    typer.Option("--output", "-o", help="The directory of its results.", show_default="the config's, or results/NAME"),
]
Device = Annotated[
    list[str] | None,
    typer.Option(help="Answer on this device. May be repeated: a process for each.", show_default="the config's"),
]
Executor = Annotated[Where, typer.Option(help="What answers: processes on this machine, or workers on a Ray cluster.")]
Address = Annotated[
    str | None,
    typer.Option(
        metavar="HOST:PORT",
        help="The Ray cluster's: auto on a machine of it, else HOST:6379 or ray://HOST:10001.",
        show_default="the config's, or one on this machine",
    ),
]
AsJson = Annotated[bool, typer.Option("--json", help="Print JSON and nothing else.")]
