"""What `sah tasks` shows: the tasks and scorers that are installed, and what a task takes. Light."""

from __future__ import annotations

import inspect
import json
from typing import Any

import attrs

from sah_core.cli.console import output_console, plain_table
from sah_core.cli.fields import described_fields
from sah_core.plugins import PluginRecord, Registry, default_registry

__all__ = ["show_task", "show_tasks"]


def show_tasks(*, as_json: bool) -> None:
    """Every task and every scorer, with the package that it comes from."""
    registry = default_registry()
    tasks = [_task(registry, name) for name in registry.tasks.names]
    scorers = [_scorer(registry, name) for name in registry.scorers.names]
    if as_json:
        print(json.dumps({"tasks": tasks, "scorers": scorers}, indent=2))
        return
    for what, found, said in (("task", tasks, "summary"), ("scorer", scorers, "description")):
        table = plain_table(what, "from", said)
        for each in found:
            table.add_row(each["name"], _source(each), each[said])
        output_console().print(table)


def show_task(name: str, *, as_json: bool) -> None:
    """What one task asks, and each of its fields; raises as `Offers.find` does."""
    task = _task(default_registry(), name)
    if as_json:
        print(json.dumps(task, indent=2))
        return
    console = output_console()
    console.print(f"{name} (from {_source(task)})")
    console.print(task["description"], markup=False)
    console.print()
    table = plain_table("field", "type", "default", "meaning")
    for field in task["fields"]:
        default = "(required)" if field["required"] else json.dumps(field["default"])
        table.add_row(field["name"], field["type"], default, field["description"])
    console.print(table)


def _task(registry: Registry, name: str) -> dict[str, Any]:
    config = registry.tasks.find(name).config
    text = inspect.cleandoc(config.__doc__ or "")
    return {
        "name": name,
        **_package(registry.tasks.record(name)),
        "summary": text.partition("\n")[0],
        "description": text,
        "fields": [attrs.asdict(field) for field in described_fields(config)],
    }


def _scorer(registry: Registry, name: str) -> dict[str, Any]:
    return {
        "name": name,
        **_package(registry.scorers.record(name)),
        "description": registry.scorers.find(name).description,
    }


def _package(record: PluginRecord) -> dict[str, str]:
    return {"distribution": record.distribution, "version": record.version}


def _source(described: dict[str, Any]) -> str:
    return f"{described['distribution']} {described['version']}"
