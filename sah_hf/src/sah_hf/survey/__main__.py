"""The survey's command line."""

from __future__ import annotations

import sys

import typer

from sah_core import SahError

from .command import survey

__all__ = ["main"]


def main() -> None:
    """Run it; a user's mistake is told in a sentence."""
    app = typer.Typer(add_completion=False, pretty_exceptions_enable=False)
    app.command()(survey)
    try:
        app(prog_name="python -m sah_hf.survey")
    except SahError as error:
        print(error, file=sys.stderr)
        sys.exit(error.exit_code)


if __name__ == "__main__":
    main()
