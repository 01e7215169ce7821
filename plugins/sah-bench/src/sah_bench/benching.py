"""What `sah bench` does: plan, answer, and show what came out."""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import attrs
import transformers
import typer
from rich.console import Console

from sah_core.cli.console import output_console, plain_table

from .benchmark import Benchmark
from .config.bench import BenchConfig
from .config.sections import PublishConfig
from .config.where import Where
from .executor.opened import opened
from .executor.progress import shown_progress
from .executor.rescore import rescore
from .plan.plan import Plan
from .report.results import Results, read_results
from .report.terminal import print_results
from .report.write import write_report
from .store.directory import ResultsDirectory
from .store.whole_files import write_whole

__all__ = ["answer", "say_plan", "score_anew"]


def answer(config: BenchConfig, path: Path, *, command: str, as_json: bool, where: Where = Where.local) -> None:
    """Answer what is not answered yet, show the results, and publish them where the config says.

    Leaves with exit code 1 where something failed or is missing.
    """
    benchmark = Benchmark.from_config(config, path)
    directory = benchmark.directory
    with opened(where, config.workers, directory) as there:
        plan = _planned(benchmark, there.kind)
        with shown_progress(plan) as listener:
            outcome = benchmark.run(plan, there.workers, listener)
    published = config.publish or PublishConfig()
    results = benchmark.results
    written = write_report(directory, markdown=_path(published.markdown), command=command, results=results)
    if published.page:
        write_whole(Path(published.page), written[0].read_bytes())
        written.append(Path(published.page))
    _say(results, written, attrs.asdict(outcome), outcome.problems, as_json=as_json)
    if outcome.exit_code:
        raise typer.Exit(outcome.exit_code)


def say_plan(config: BenchConfig, path: Path, *, as_json: bool) -> None:
    """Say which cells there are and which of them are answered; nothing is asked."""
    benchmark = Benchmark.from_config(config, path)
    plan = _planned(benchmark)
    found = [(cell, _answered(benchmark.directory, cell.address)) for cell in plan.cells]
    if as_json:
        print(json.dumps({"cells": [{**cell.to_dict(), "answered": answered} for cell, answered in found]}, indent=2))
        return
    table = plain_table("cell", "address", "answered")
    for cell, answered in found:
        table.add_row(str(cell), cell.address, f"{answered} of {cell.samples}")
    output_console().print(table)
    print(f"{len(plan.cells)} cells, {sum(cell.samples for cell in plan.cells)} questions", file=sys.stderr)


def score_anew(path: Path, *, as_json: bool) -> None:
    """Score the answers that are there with the last run's scorers, as they are installed now."""
    directory = ResultsDirectory.opened(path)
    scored, problems = rescore(directory)
    results = read_results(directory)
    written = write_report(directory, results=results)
    _say(results, written, {"scored": scored, "problems": problems}, problems, as_json=as_json)
    if problems:
        raise typer.Exit(1)


def _planned(benchmark: Benchmark, kind: str | None = None) -> Plan:
    logging: Any = transformers.logging  # which transformers leaves untyped
    logging.set_verbosity_error()
    logging.disable_progress_bar()
    with _working("making the rows"):
        return benchmark.plan(kind)


def _answered(directory: ResultsDirectory, address: str) -> int:
    return len({line["sample"] for line in directory.cell(address).answers.read().values})


def _say(
    results: Results,
    written: Sequence[Path],
    outcome: Mapping[str, Any],
    problems: Sequence[str],
    *,
    as_json: bool,
) -> None:
    """The tables, or the outcome as JSON, on stdout; where files are, and what went wrong, on stderr."""
    if as_json:
        print(json.dumps({"outcome": outcome, "written": [str(path) for path in written]}, indent=2))
    else:
        print_results(results)
        for path in written:
            print(f"written: {path}", file=sys.stderr)
    for problem in problems:
        print(problem, file=sys.stderr)


@contextmanager
def _working(what: str) -> Iterator[None]:
    """A spinner on a terminal, nothing elsewhere."""
    errors = Console(stderr=True)
    if not errors.is_terminal:
        yield
        return
    with errors.status(what):
        yield


def _path(given: str | None) -> Path | None:
    return Path(given) if given else None
