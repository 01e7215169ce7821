"""`python -m sah_hf.survey`: try every model type, or some, and print or write what came out."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Annotated, Any

import attrs
import torch
import transformers
import typer
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

from sah_core import UsageError
from sah_core.cli.console import output_console, plain_table

from .apart import TrialsApart
from .building import class_of, model_types
from .table import SurveyTable
from .trial import Trial

__all__ = ["survey"]


def survey(
    only: Annotated[
        str | None, typer.Option("--only", help="Model types, with commas between them.", show_default="all")
    ] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON and nothing else.")] = False,
    output: Annotated[
        Path | None,
        typer.Option(
            "--output", "-o", help="A page to write, or to replace this version's column in.", show_default=False
        ),
    ] = None,
) -> None:
    """Try tiny random models of every family: is sparse attention exact, where it keeps every key, or refused?

    Exit code 1 where a family is wrong.
    """
    asked = _asked(only)
    if output is not None and not output.parent.is_dir():
        raise UsageError(f"--output {output}: there is no directory {output.parent}")
    with TrialsApart() as apart:
        trials = [apart.attempt(model_type) for model_type in _shown(asked)]
    if output is not None:
        known = SurveyTable.read(output) if output.exists() else SurveyTable()
        table = known.with_trials(transformers.__version__, trials, whole=only is None)
        output.write_text(table.markdown(), encoding="utf-8")
    if as_json:
        print(json.dumps(_data(trials), indent=2))
    elif output is None:
        _print(trials)
    if any(trial.verdict.kind == "wrong" for trial in trials):
        raise typer.Exit(1)


def _asked(only: str | None) -> tuple[str, ...]:
    if only is None:
        return model_types()
    asked = tuple(dict.fromkeys(name.strip() for name in only.split(",") if name.strip()))
    if not asked:
        raise UsageError("--only names no model type")
    for name in asked:
        class_of(name)
    return asked


def _data(trials: Sequence[Trial]) -> dict[str, Any]:
    versions = {"transformers": transformers.__version__, "torch": torch.__version__}
    return {"versions": versions, "trials": [attrs.asdict(trial) for trial in trials]}


def _print(trials: Sequence[Trial]) -> None:
    table = plain_table("model type", "attention", "verdict", "layers", "error", "density", "reason")
    for trial in trials:
        error = "" if trial.error is None else f"{trial.error:.0e}"
        density = "" if trial.density is None else f"{trial.density:.1%}"
        verdict = trial.verdict
        table.add_row(trial.model_type, trial.attention, verdict.kind, verdict.layers, error, density, verdict.reason)
    output_console().print(table)


@contextmanager
def _bar() -> Iterator[Progress]:
    errors = Console(stderr=True)
    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn())
    with Progress(*columns, console=errors, transient=True, disable=not errors.is_terminal) as bar:
        yield bar


def _shown(model_types: Sequence[str]) -> Iterator[str]:
    """The same, with a bar on a terminal's stderr that names the one at work."""
    with _bar() as bar:
        task = bar.add_task("", total=len(model_types))
        for done, model_type in enumerate(model_types):
            bar.update(task, completed=done, description=model_type)
            yield model_type
