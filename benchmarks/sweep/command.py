"""Measure what the executor adds to the model's time: the same small sweep, from scratch, several times over."""

from __future__ import annotations

import argparse
import tempfile
import time
from pathlib import Path
from typing import Any

from benchmarks.results.record import Row
from benchmarks.session import Session, add_options
from benchmarks.timing.statistics import Spread, ratio
from sah_bench import BenchmarkExecutor, LocalWorkers, Outcome, ResultsDirectory, load_bench, make_plan

__all__ = ["add_arguments", "run"]

TABLE = "The executor, on the embedded model"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """What `run` takes."""
    add_options(parser, rounds=5)
    parser.add_argument("--contexts", type=int, nargs="+", default=[1024, 4096])
    parser.add_argument("--samples", type=int, default=64, help="of each cell")


def run(arguments: argparse.Namespace) -> None:
    """Measure, print and write."""
    session = Session.start("sweep", arguments)
    rows = [_row(length, arguments.samples, arguments.threads, arguments.rounds) for length in arguments.contexts]
    session.finish(rows, arguments.output)


def _row(length: int, samples: int, threads: int, rounds: int) -> Row:
    outcomes: list[Outcome] = []
    walls: list[float] = []
    for _ in range(rounds):
        begun = time.perf_counter()
        outcomes.append(_sweep(length, samples, threads))
        walls.append(time.perf_counter() - begun)
    model = [outcome.model_seconds for outcome in outcomes]
    cells = [outcome.cell_seconds for outcome in outcomes]
    milliseconds = {"model": model, "cells": cells, "start to end": walls}
    return Row(
        table=TABLE,
        operation="dense, window, quest",
        setting={"context": length, "samples": 3 * samples},
        milliseconds={name: Spread.of(seconds).times(1000) for name, seconds in milliseconds.items()},
        ratios={"cells / model": ratio(cells, model)},
        reference="model",
    )


def _sweep(length: int, samples: int, threads: int) -> Outcome:
    """Three cells of the embedded model, in one process, in a directory that is empty before."""
    maskers: list[dict[str, Any]] = [{"kind": "sink"}, {"kind": "local", "window": 16}]
    config = load_bench(
        {
            "version": 1,
            "models": ["needle"],
            "attention": [
                "dense",
                {"name": "window", "kind": "efficient", "maskers": maskers},
                {"name": "quest", "kind": "efficient", "maskers": [*maskers, {"kind": "quest", "budget": 0.05}]},
            ],
            "tasks": [{"kind": "needle", "samples": samples}],
            "lengths": [length],
            "workers": {"devices": ["cpu"], "threads": threads},
        }
    )
    with tempfile.TemporaryDirectory() as folder:
        directory = ResultsDirectory.created(Path(folder) / "results")
        plan = make_plan(config, directory)
        with LocalWorkers(plan.workers, directory.path) as workers:
            outcome = BenchmarkExecutor(plan, directory, workers).run()
    if outcome.exit_code:
        raise RuntimeError("\n".join(outcome.problems))
    return outcome
