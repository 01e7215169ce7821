"""The commands `sah run`, `sah estimate` and `sah calibrate`. Light: torch is imported when a command runs."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Annotated

import typer

from sah_core.cli.console import output_console
from sah_core.config import load_config
from sah_core.errors import ConfigError, UsageError
from sah_hf.requests.request import Request, asked_of

__all__ = ["add_commands"]

ConfigFile = Annotated[Path, typer.Argument(metavar="CONFIG", help="A run's config, YAML or JSON.", show_default=False)]


def add_commands(app: typer.Typer) -> None:
    """Add this package's commands."""
    app.command()(run)
    app.command()(estimate)
    app.command()(calibrate)


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
    load: Annotated[
        Path | None,
        typer.Option("--load-context", help="Ask about a context that was saved, without reading.", show_default=False),
    ] = None,
    save: Annotated[
        Path | None,
        typer.Option("--save-context", help="Save the context as the model read it.", show_default=False),
    ] = None,
    measure_error: Annotated[
        bool, typer.Option("--measure-error", help="Compare every sparse attention output with the dense one.")
    ] = False,
    as_json: Annotated[
        bool, typer.Option("--json", help="Print a JSON line an answer as it is finished, the report in the last.")
    ] = False,
) -> None:
    """Ask a model about a text, with the attention that a config describes, and report what happened."""
    settings = load_config(config)
    asked = tuple(question or ())
    if load is not None and (context is not None or chat):
        other = "--context FILE" if context is not None else "--chat"
        raise UsageError(f"{other} cannot go with --load-context: the folder holds a text that was read already")
    if (context is None and load is None) or not (asked or save):
        raise UsageError("sah run needs a text to ask about and a question: --context FILE --question TEXT")
    asked_of(asked or ".", answer_prefix)
    source = load if context is None else Request(_read(context), asked or ".", answer_prefix, chat=chat)

    from .running import JsonLines, Transcript, run_kept, run_request

    output = JsonLines() if as_json else Transcript()
    if isinstance(source, Request) and save is None:
        run_request(settings, source, output, measure_error=measure_error)
    elif source is not None:
        run_kept(
            settings,
            source,
            output,
            questions=asked,
            answer_prefix=answer_prefix,
            save=save,
            measure_error=measure_error,
        )


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

    from sah_hf.models.loading import load_model_config

    from .estimate import estimate as measure
    from .tables import estimate_table

    result = measure(settings.attention, load_model_config(settings.model), tokens, settings.model.name)
    if as_json:
        typer.echo(result.to_json(indent=2))
        return
    output_console().print(estimate_table(result))
    print("Keys and queries are random: what a masker keeps by content will differ on real ones.", file=sys.stderr)


def calibrate(
    config: ConfigFile,
    data: Annotated[
        Path, typer.Option("--data", help="Text to read: a file, or .jsonl with a text a line.", show_default=False)
    ],
    output: Annotated[
        Path, typer.Option("--output", "-o", help="Where to write a folder for each masker.", show_default=False)
    ],
    block: Annotated[int, typer.Option(help="Tokens that the model reads at a time, at most.")] = 1024,
    blocks: Annotated[int | None, typer.Option(help="Read only so many blocks.", show_default="all")] = None,
    passes: Annotated[int, typer.Option(help="How many times to read them.")] = 1,
    change: Annotated[
        list[str] | None,
        typer.Option("--set", metavar="KIND.FIELD=VALUE", help="Change a calibrator's setting.", show_default=False),
    ] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON and nothing else.")] = False,
) -> None:
    """Learn what a config's maskers need to know of its model, from text; an interrupted run goes on where it was."""
    settings = load_config(config)

    from sah_hf.calibrating.command import calibrate_all, print_calibrated

    finished = calibrate_all(
        settings, data, output, block=block, limit=blocks, passes=passes, changes=tuple(change or ())
    )
    print_calibrated(finished, as_json=as_json)


def _read(file: Path) -> str:
    try:
        return sys.stdin.read() if str(file) == "-" else file.read_text(encoding="utf-8")
    except OSError as error:
        raise UsageError(f"--context {file}: cannot be read: {error.strerror}") from error
    except UnicodeDecodeError as error:
        raise UsageError(f"--context {file}: is not UTF-8 text (byte {error.start})") from error
