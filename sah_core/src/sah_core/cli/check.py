"""``sah check masker``: does an installed masker keep every rule?"""

from __future__ import annotations

import json
import sys
from importlib.util import find_spec
from typing import TYPE_CHECKING, Annotated, Any

import attrs
import typer
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn

from sah_core.errors import UsageError
from sah_core.plugins import default_registry

from .console import output_console, plain_table

if TYPE_CHECKING:
    from sah_core.testing import MaskerReport

__all__ = ["check"]

check = typer.Typer(no_args_is_help=True, help="Check what is installed against the rules that it has to keep.")


@check.callback()
def _check() -> None:
    pass


@check.command()
def masker(
    name: Annotated[str, typer.Argument(help="The masker, as in configs.", show_default=False)],
    examples: Annotated[int, typer.Option(min=1, help="How many examples to try for each rule.")] = 100,
    rule: Annotated[
        list[str] | None, typer.Option(help="Check this rule only; may be repeated.", show_default=False)
    ] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON and nothing else.")] = False,
) -> None:
    """Check an installed masker, with its defaults and with other values, against every rule of the conformance kit."""
    registry = default_registry()
    registry.masker_config(name)
    for module in ("hypothesis", "pytest"):
        if find_spec(module) is None:
            raise UsageError(f'sah check needs {module}: pip install "sah-core[testing]"')
    reports = _checked(name, examples, rule)
    if as_json:
        typer.echo(json.dumps({"masker": name, "ok": _ok(reports), "reports": [_plain(each) for each in reports]}))
    else:
        for report in reports:
            _print(report)
    if not _ok(reports):
        raise typer.Exit(1)


def _checked(name: str, examples: int, rules: list[str] | None) -> list[MaskerReport]:
    from sah_core.testing import check_masker, configs_of
    from sah_core.testing.choice import chosen_rules

    configs = configs_of(name)
    total = len(configs) * len(chosen_rules(rules))
    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn())
    with Progress(*columns, console=Console(stderr=True), transient=True, disable=not sys.stderr.isatty()) as bar:
        task = bar.add_task("", total=total)

        def show(rule: str) -> None:
            bar.update(task, description=rule, advance=1)

        return [check_masker(config, max_examples=examples, rules=rules, progress=show) for config in configs]


def _ok(reports: list[MaskerReport]) -> bool:
    return all(report.ok for report in reports)


def _plain(report: MaskerReport) -> dict[str, Any]:
    config = report.config.model_dump(mode="json")
    return {"config": config, "ok": report.ok, "results": [attrs.asdict(result) for result in report.results]}


def _print(report: MaskerReport) -> None:
    console = output_console()
    console.print(repr(report.config))
    table = plain_table("rule", "result")
    for result in report.results:
        table.add_row(result.rule, result.outcome)
    console.print(table)
    for result in report.failed:
        console.print(f"\n{result.rule}: {result.message}\nThe smallest example found:")
        console.print(result.example)
    console.print()
