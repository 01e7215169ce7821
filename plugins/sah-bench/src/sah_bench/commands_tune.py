"""The command `sah bench tune`. Light: optuna and torch are imported when there is something to tune."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any

import typer

from .config.where import Where

__all__ = ["tune", "tune_app"]


def tune_app() -> typer.Typer:
    """An app of this one command."""
    app = typer.Typer(add_completion=False, pretty_exceptions_enable=False)
    app.command()(tune)
    return app


def tune(
    config: Annotated[
        Path, typer.Argument(metavar="TUNE", help="What is to be tuned, YAML or JSON.", show_default=False)
    ],
    output: Annotated[
        Path | None,
        typer.Option(
            "--output", "-o", help="The directory of its results.", show_default="the config's, or results/NAME"
        ),
    ] = None,
    trials: Annotated[
        int | None,
        typer.Option(
            min=1, help="How many configs are tried of each method, its own included.", show_default="the config's"
        ),
    ] = None,
    device: Annotated[
        list[str] | None,
        typer.Option(help="Answer on this device. May be repeated: a process for each.", show_default="the config's"),
    ] = None,
    executor: Annotated[
        Where, typer.Option(help="What answers: processes on this machine, or workers on a Ray cluster.")
    ] = Where.local,
    address: Annotated[
        str | None,
        typer.Option(
            metavar="HOST:PORT",
            help="The Ray cluster's: auto on a machine of it, else HOST:6379 or ray://HOST:10001.",
            show_default="the config's, or one on this machine",
        ),
    ] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON and nothing else.")] = False,
) -> None:
    """Find each method's best parameters under a budget, and confirm them on questions that no trial was asked."""
    from .config.load import load_tune
    from .config.placing import placing

    settings = load_tune(config)
    changes: dict[str, Any] = {}
    if trials is not None:
        changes["search"] = settings.search.model_dump() | {"trials": trials}
    placed = placing(settings.workers, device or (), executor, address)
    if placed != settings.workers:
        changes["workers"] = placed.model_dump()
    if changes:
        settings = load_tune(config, changes=changes)

    from .tuning.tuning import search_and_show

    directory = output or Path(settings.output or f"results/{config.stem}")
    search_and_show(settings, directory, as_json=as_json, where=executor)
