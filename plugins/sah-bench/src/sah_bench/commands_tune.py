"""The command `sah bench tune`. Light: optuna and torch are imported when there is something to tune."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any

import typer

from .command_options import Address, AsJson, Device, Executor, Output
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
    output: Output = None,
    trials: Annotated[
        int | None,
        typer.Option(
            min=1, help="How many configs are tried of each method, its own included.", show_default="the config's"
        ),
    ] = None,
    device: Device = None,
    executor: Executor = Where.local,
    address: Address = None,
    as_json: AsJson = False,
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
