"""The typer app: the core's own commands, and those of the plugins."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from typing import Annotated

import typer

from sah_core import __version__
from sah_core.errors import UsageError
from sah_core.plugins import Registry

from .check import check
from .doctor import doctor
from .maskers import maskers
from .new_masker import new_masker
from .plugin_commands import missing_command, plugin_commands
from .schema import schema

__all__ = ["build_app"]


def build_app(registry: Registry, arguments: Sequence[str]) -> typer.Typer:
    """The app that understands these arguments, with the commands of every working plugin.

    A plugin whose commands cannot be added is named on stderr and left out. Raises ``UsageError`` where the arguments
    ask for a command whose plugin is not there, and say which one that is.
    """
    app = typer.Typer(
        name="sah",
        help="Sparse Attention Hub: sparse attention as a list of maskers, in real models, honestly measured.",
        no_args_is_help=True,
        add_completion=False,
        pretty_exceptions_enable=False,
    )
    app.callback()(_options)
    app.command()(maskers)
    app.command()(new_masker)
    app.command()(schema)
    app.command()(doctor)
    app.add_typer(check, name="check")
    for added in plugin_commands(registry):
        if added.problem is not None:
            print(f"{added.record.distribution}: {added.problem}; its commands are left out", file=sys.stderr)
            continue
        app.registered_commands.extend(added.app.registered_commands)
        app.registered_groups.extend(added.app.registered_groups)
    known = typer.main.get_group(app).commands
    asked = next((argument for argument in arguments if not argument.startswith("-")), None)
    if asked is not None and asked not in known and (said := missing_command(asked, registry)):
        raise UsageError(said)
    return app


def _print_version(wanted: bool) -> None:
    if wanted:
        typer.echo(f"sah {__version__}")
        raise typer.Exit


def _options(
    version: Annotated[
        bool, typer.Option("--version", callback=_print_version, is_eager=True, help="Print the version and leave.")
    ] = False,
    debug: Annotated[
        bool, typer.Option("--debug", help="Show the traceback of an error; may stand anywhere, as may SAH_DEBUG=1.")
    ] = False,
) -> None:
    pass
