"""The commands `sah run` and `sah estimate`. Light: torch and transformers are imported when a command runs."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Annotated

import typer

from sah_core.cli.console import output_console
from sah_core.config import load_config
from sah_core.errors import ConfigError, UsageError

from .request import Request

__all__ = ["add_commands"]

ConfigFile = Annotated[Path, typer.Argument(metavar="CONFIG", help="A run's config, YAML or JSON.", show_default=False)]


def add_commands(app: typer.Typer) -> None:
    """Add this package's commands."""
    app.command()(run)
    app.command()(estimate)


def run(
    config: ConfigFile,
    context: Annotated[
        Path | None,
        typer.Option("--context", help="The text to ask about: a file, or - for stdin.", show_default=False),
    ] = None,
    question: Annotated[
        list[str] | None, typer.Option("--question", "-q", help="A question; may be given again.", show_default=False)
    ] = None,
    answer_prefix: Annotated[str, typer.Option(help="The first words of every answer.")] = "",
    chat: Annotated[bool, typer.Option("--chat", help="Ask through the tokenizer's chat template.")] = False,
    measure_error: Annotated[
        bool, typer.Option("--measure-error", help="Compare every sparse attention output with the dense one.")
    ] = False,
    as_json: Annotated[
        bool, typer.Option("--json", help="Print a JSON line an answer as it is finished, the report in the last.")
    ] = False,
) -> None:
    """Ask a model about a text, with the attention that a config describes, and report what happened."""
    settings = load_config(config)
    if context is None or not question:
        raise UsageError("sah run needs a text to ask about and a question: --context FILE --question TEXT")
    request = Request(_read(context), question, answer_prefix, chat=chat)

    from .running import JsonLines, Transcript, run_request

    run_request(settings, request, JsonLines() if as_json else Transcript(), measure_error=measure_error)


def estimate(
    config: ConfigFile,
    tokens: Annotated[int, typer.Option("--tokens", help="Length of the context.", show_default=False)],
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON and nothing else.")] = False,
) -> None:
    """Estimate density and index size at a context length, on random keys; no weights are loaded."""
    settings = load_config(config)
    if settings.attention is None or settings.model is None:
        missing = "attention" if settings.attention is None else "model"
        raise ConfigError(f"{config}: sah estimate needs the section  {missing}  in the config")

    from .estimate import estimate as measure
    from .loading import load_model_config
    from .tables import estimate_table

    result = measure(settings.attention, load_model_config(settings.model), tokens, settings.model.name)
    if as_json:
        typer.echo(result.to_json(indent=2))
        return
    output_console().print(estimate_table(result))
    print("Keys and queries are random: what a masker keeps by content will differ on real ones.", file=sys.stderr)


def _read(file: Path) -> str:
    try:
        return sys.stdin.read() if str(file) == "-" else file.read_text(encoding="utf-8")
    except OSError as error:
        raise UsageError(f"--context {file}: cannot be read: {error.strerror}") from error
    except UnicodeDecodeError as error:
        raise UsageError(f"--context {file}: is not UTF-8 text (byte {error.start})") from error
