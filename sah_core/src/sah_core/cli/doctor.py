"""``sah doctor``: is this installation well, and if not, why."""

from __future__ import annotations

import json
import traceback
from typing import Annotated

import typer

from sah_core.plugins import PluginRecord, default_registry

from .console import output_console, plain_table
from .diagnosis import Diagnosis, diagnose

__all__ = ["doctor"]


def doctor(
    context: typer.Context,
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON and nothing else.")] = False,
) -> None:
    """Check versions, devices and every plugin; exit code 1 if something does not work."""
    diagnosis = diagnose(default_registry())
    if as_json:
        typer.echo(json.dumps(_as_data(diagnosis), indent=2))
    else:
        _print(diagnosis)
    if context.find_root().params["debug"]:
        for problem in diagnosis.problems:
            if problem.cause is not None:
                traceback.print_exception(problem.cause)
    if diagnosis.problems:
        raise typer.Exit(1)


def _as_data(diagnosis: Diagnosis) -> dict[str, object]:
    return {
        "versions": diagnosis.versions,
        "devices": list(diagnosis.devices),
        "extras": diagnosis.extras,
        "plugins": [
            {
                "distribution": record.distribution,
                "version": record.version,
                "entry_point": record.entry_point,
                "module": record.module,
                "status": record.status,
                "reason": record.reason,
                "maskers": list(record.kinds),
                "models": list(record.models),
                "tasks": list(record.tasks),
                "scorers": list(record.scorers),
                "metrics": list(record.metrics),
                "commands": list(diagnosis.commands.get(record.distribution, ())),
            }
            for record in diagnosis.plugins
        ],
        "models": diagnosis.models,
        "problems": [{"distribution": problem.distribution, "what": problem.what} for problem in diagnosis.problems],
        "notes": list(diagnosis.notes),
    }


def _print(diagnosis: Diagnosis) -> None:
    console = output_console()
    for name, version in diagnosis.versions.items():
        console.print(f"{name} {version or 'is not installed'}")
    console.print(f"devices: {', '.join(diagnosis.devices) or 'none'}")
    for name, state in diagnosis.extras.items():
        console.print(f"{name}: {state}")
    console.print()
    table = plain_table("plugin", "version", "status", "offers")
    for record in diagnosis.plugins:
        table.add_row(record.distribution, record.version, record.status, _offers(record, diagnosis))
    console.print(table)
    console.print()
    for note in diagnosis.notes:
        console.print(f"note: {note}")
    for problem in diagnosis.problems:
        console.print(f"problem: {problem.distribution}: {problem.what}")
    if not diagnosis.problems:
        console.print("All is well.")


def _offers(record: PluginRecord, diagnosis: Diagnosis) -> str:
    if record.status == "failed":
        return "nothing, see below"
    if record.status == "disabled":
        return f"nothing: {record.reason}"
    offers = {
        "maskers": record.kinds,
        "models": record.models,
        "tasks": record.tasks,
        "scorers": record.scorers,
        "metrics": record.metrics,
        "commands": diagnosis.commands.get(record.distribution, ()),
    }
    return "; ".join(f"{what} {', '.join(names)}" for what, names in offers.items() if names) or "nothing"
