"""``sah maskers``: what is installed, and what each masker takes."""

from __future__ import annotations

import inspect
import json
import sys
from typing import Annotated, Any

import attrs
import typer

from sah_core.masker_config import MaskerConfig
from sah_core.plugins import Registry, default_registry

from .console import output_console, plain_table
from .fields import described_fields

__all__ = ["maskers", "report_unusable"]


def maskers(
    name: Annotated[str | None, typer.Argument(help="Show this masker's fields.", show_default=False)] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON and nothing else.")] = False,
) -> None:
    """List the maskers that are installed, or show what one of them takes."""
    registry = default_registry()
    if name is not None:
        described = _described(registry, name)
        if as_json:
            typer.echo(json.dumps(described, indent=2))
        else:
            _print_masker(described)
        return
    all_described = [_described(registry, kind) for kind in registry.kinds]
    if as_json:
        conflicts = {kind: [record.distribution for record in records] for kind, records in registry.conflicts.items()}
        failed = {record.distribution: record.reason for record in registry.records if record.status == "failed"}
        typer.echo(json.dumps({"maskers": all_described, "conflicts": conflicts, "failed": failed}, indent=2))
        return
    if all_described:
        table = plain_table("masker", "type", "from", "summary")
        for described in all_described:
            table.add_row(described["kind"], described["type"], _source(described), described["summary"])
        output_console().print(table)
    else:
        typer.echo("No masker is installed: pip install sah-masker-window sah-masker-oracle")
    report_unusable(registry)


def report_unusable(registry: Registry) -> None:
    """Name on stderr the maskers that two plugins offer, and the plugins that failed."""
    for kind, records in registry.conflicts.items():
        names = " and ".join(record.distribution for record in records)
        print(f"masker {kind!r} cannot be used: {names} both offer it", file=sys.stderr)
    for record in registry.records:
        if record.status == "failed":
            print(f"{record.distribution} failed to load: {record.reason}", file=sys.stderr)


def _described(registry: Registry, kind: str) -> dict[str, Any]:
    config = registry.masker_config(kind)
    record = registry.masker_record(kind)
    text = inspect.cleandoc(config.__doc__ or "")
    return {
        "kind": kind,
        "type": _type(config),
        "distribution": record.distribution,
        "version": record.version,
        "needs_logits": config.needs_logits,
        "summary": text.partition("\n")[0],
        "description": text,
        "fields": [attrs.asdict(field) for field in described_fields(config)],
    }


def _type(config: type[MaskerConfig]) -> str:
    words = ["sampling" if config.sampling else "deterministic"]
    if config.refines:
        words.append("refining")
    if config.needs_logits:
        words.append("oracle")
    return ", ".join(words)


def _source(described: dict[str, Any]) -> str:
    return f"{described['distribution']} {described['version']}"


def _print_masker(described: dict[str, Any]) -> None:
    console = output_console()
    console.print(f"{described['kind']} ({described['type']}, from {_source(described)})")
    console.print(described["description"])
    if described["needs_logits"]:
        console.print("It reads the exact logits of all keys, so it measures what is possible and saves no time.")
    console.print()
    if not described["fields"]:
        console.print("It has no fields.")
        return
    table = plain_table("field", "type", "default", "meaning")
    for field in described["fields"]:
        default = "(required)" if field["required"] else json.dumps(field["default"])
        table.add_row(field["name"], field["type"], default, field["description"])
    console.print(table)
