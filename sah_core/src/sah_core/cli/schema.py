"""``sah schema``: the JSON Schema of a run's config, for editors and other tools."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Annotated

import typer

from sah_core.config import json_schema
from sah_core.errors import UsageError
from sah_core.plugins import default_registry

from .maskers import report_unusable

__all__ = ["schema"]


def schema(
    output: Annotated[
        Path | None, typer.Option("--output", "-o", help="Write it to this file.", show_default=False)
    ] = None,
) -> None:
    """Print the JSON Schema of a config, with every installed masker."""
    registry = default_registry()
    text = json.dumps(json_schema(registry), indent=2) + "\n"
    report_unusable(registry)
    if output is None:
        typer.echo(text, nl=False)
        return
    try:
        output.write_text(text, encoding="utf-8")
    except OSError as error:
        raise UsageError(f"{output}: the schema cannot be written there: {error.strerror}") from error
    print(f"{output}: schema with {len(registry.kinds)} maskers", file=sys.stderr)
