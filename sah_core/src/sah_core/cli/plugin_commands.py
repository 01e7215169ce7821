"""Commands that plugins bring: each plugin's are tried apart, so that a broken one costs only its own."""

from __future__ import annotations

from collections.abc import Iterator

import attrs
import typer

from sah_core.plugins import PluginRecord, Registry
from sah_core.plugins.switches import normalised

__all__ = ["CORE_COMMANDS", "PluginCommands", "missing_command", "plugin_commands"]

CORE_COMMANDS = ("maskers", "schema", "doctor", "check", "new-masker")

_PUBLISHED = {"demo": "sah-model-needle", "run": "sah-hf", "estimate": "sah-hf"}
"""The distribution that brings each command that the core does not have itself."""


@attrs.frozen
class PluginCommands:
    """A plugin's commands, or why they cannot be had."""

    record: PluginRecord
    app: typer.Typer
    names: tuple[str, ...] = ()
    problem: str | None = None


def plugin_commands(registry: Registry) -> Iterator[PluginCommands]:
    """What each plugin with a command hook adds; a name that the core or an earlier plugin has is a problem."""
    owners = dict.fromkeys(CORE_COMMANDS, "sah-core")
    for record, add_commands in registry.command_hooks():
        app = typer.Typer()
        try:
            add_commands(app)
            names = tuple(typer.main.get_group(app).commands)
        # The hook is the plugin's code: whatever it raises must not take the other commands down.
        except (Exception, SystemExit) as error:  # noqa: BLE001
            problem = f"sah_register_commands raised {type(error).__name__}: {error}"
            yield PluginCommands(record, app, problem=problem)
            continue
        clash = next((name for name in names if name in owners), None)
        if clash is not None:
            yield PluginCommands(record, app, problem=f"its command {clash!r} is {owners[clash]}'s already")
            continue
        owners.update(dict.fromkeys(names, record.distribution))
        yield PluginCommands(record, app, names)


def missing_command(name: str, registry: Registry) -> str | None:
    """For a command that one of our distributions brings, why it is not there; None for any other."""
    home = _PUBLISHED.get(name)
    if home is None:
        return None
    for record in registry.records:
        if normalised(record.distribution) != home:
            continue
        if record.status == "ok":
            return None  # its hook is broken, or older than this command: what is wrong with it is told elsewhere
        state = "failed to load" if record.status == "failed" else "is disabled"
        return f"`sah {name}` comes from {record.distribution} {record.version}, which {state}: {record.reason}"
    return f"`sah {name}` comes from {home}, which is not installed: pip install {home}"
