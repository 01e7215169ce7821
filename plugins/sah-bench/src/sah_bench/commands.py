"""The commands `sah bench`, `sah report` and `sah tasks`. Light: torch is imported when a command needs it."""

from __future__ import annotations

from enum import StrEnum
from pathlib import Path
from typing import Annotated, Any

import typer

from sah_core.errors import UsageError

from .bench_command import BenchCommand
from .command_options import Address, AsJson, Device, Executor, Output
from .config.where import Where

__all__ = ["add_commands"]


class Truncate(StrEnum):
    """What becomes of a context that the model has no positions for."""

    refuse = "refuse"
    middle = "middle"


def add_commands(app: typer.Typer) -> None:
    """Add this package's commands."""
    app.command(cls=BenchCommand, epilog="sah bench tune TUNE: find each method's best parameters under a budget.")(
        bench
    )
    app.command()(report)
    app.command()(tasks)


def bench(
    config: Annotated[
        Path, typer.Argument(metavar="BENCH", help="A benchmark's config, YAML or JSON.", show_default=False)
    ],
    output: Output = None,
    task: Annotated[
        list[str] | None,
        typer.Option(
            help="Ask this instead of the config's tasks: a task's name, or a file of rows. May be repeated.",
            show_default=False,
        ),
    ] = None,
    scorer: Annotated[
        str | None, typer.Option(help="Score the answers of --task this way.", show_default=False)
    ] = None,
    model: Annotated[
        list[str] | None,
        typer.Option(help="Ask this model instead of the config's. May be repeated.", show_default=False),
    ] = None,
    truncate: Annotated[
        Truncate | None,
        typer.Option(
            help="Contexts that are too long: refuse them, or cut out their middle.", show_default="the config's"
        ),
    ] = None,
    device: Device = None,
    executor: Executor = Where.local,
    address: Address = None,
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="Say what would be asked, and what is answered already.")
    ] = False,
    rescore: Annotated[
        bool, typer.Option("--rescore", help="Score anew what the last run answered; no model is loaded.")
    ] = False,
    as_json: AsJson = False,
) -> None:
    """Ask every model every question with every attention, and keep what comes out; what is answered stays answered."""
    from .config.load import load_bench
    from .config.placing import placing

    if scorer is not None and not task:
        raise UsageError("--scorer says how the answers of --task are scored: give a --task, or name it in the config")
    if rescore and (task or model or truncate or device or dry_run or address or executor is not Where.local):
        raise UsageError(
            "--rescore scores what the last run answered, as it was asked, so it goes with -o and --json alone; "
            "with another scorer in the config, run without it: nothing is asked anew"
        )
    changes: dict[str, Any] = {}
    if task:
        changes |= {"tasks": [_task(name, scorer) for name in task]}
        if not any(_sized(name) for name in task):
            changes["lengths"] = []
    if model:
        changes["models"] = model
    if truncate is not None:
        changes["truncate"] = truncate.value
    settings = load_bench(config, changes=changes)
    placed = placing(settings.workers, device or (), executor, address)
    if placed != settings.workers:
        settings = load_bench(config, changes={**changes, "workers": placed.model_dump()})
    directory = output or Path(settings.output or f"results/{config.stem}")

    from .benching import answer, say_plan, score_anew

    if dry_run:
        say_plan(settings, directory, as_json=as_json)
    elif rescore:
        score_anew(directory, as_json=as_json)
    else:
        command = f"sah bench {config.as_posix()}"
        answer(settings, directory, command=command, as_json=as_json, where=executor)


def report(
    directory: Annotated[Path, typer.Argument(metavar="DIR", help="A directory of results.", show_default=False)],
    page: Annotated[Path | None, typer.Option(help="Where to write the page.", show_default="DIR/report.html")] = None,
    markdown: Annotated[
        Path | None, typer.Option(help="Write a table in Markdown to this file.", show_default=False)
    ] = None,
    export: Annotated[
        Path | None, typer.Option(help="Write CSV and Parquet of everything to this folder.", show_default=False)
    ] = None,
    plots: Annotated[
        Path | None, typer.Option(help="Write every plot as PNG and SVG to this folder.", show_default=False)
    ] = None,
    as_json: AsJson = False,
) -> None:
    """Show what came out: a table here, a page to look around in, and files to take away."""
    from .reporting import show

    show(directory, page=page, markdown=markdown, export=export, plots=plots, as_json=as_json)


def tasks(
    name: Annotated[str | None, typer.Argument(help="Show this task's fields.", show_default=False)] = None,
    as_json: AsJson = False,
) -> None:
    """List the tasks and scorers that are installed, or show what one task takes."""
    from .listing import show_task, show_tasks

    if name is None:
        show_tasks(as_json=as_json)
    else:
        show_task(name, as_json=as_json)


def _task(name: str, scorer: str | None) -> dict[str, Any]:
    """A task's name, or a file of rows, as a config's entry."""
    from .tasks.configs import FILE_ENDINGS

    entry = {"kind": "file", "path": name} if name.lower().endswith(FILE_ENDINGS) else {"kind": name}
    return entry if scorer is None else {**entry, "scorer": scorer}


def _sized(name: str) -> bool:
    from sah_core.plugins import default_registry

    tasks = default_registry().tasks
    return name in tasks.names and bool(getattr(tasks.find(name).config, "sized", False))
