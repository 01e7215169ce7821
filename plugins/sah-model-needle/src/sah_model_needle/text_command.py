"""The command `sah needle-text`. Light: numpy is imported when it runs."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

__all__ = ["needle_text"]


def needle_text(
    output: Annotated[
        Path | None, typer.Option("--output", "-o", help="A .jsonl file to write.", show_default="stdout")
    ] = None,
    documents: Annotated[int, typer.Option(help="How many contexts with their questions.")] = 200,
    length: Annotated[int, typer.Option(help="Of each in tokens.")] = 1024,
    seed: Annotated[int, typer.Option(help="Of the contexts and questions.")] = 1,
) -> None:
    """Write text that the embedded model understands, such as `sah calibrate` reads."""
    from .text import write_text

    write_text(output, documents, length, seed)
