"""Measure what Ray adds: the same short cells, by processes of this machine and by workers on a Ray cluster here."""

from __future__ import annotations

import argparse
import tempfile
import time
from collections.abc import Sequence
from contextlib import ExitStack
from pathlib import Path
from typing import Any

from attrs import frozen

from benchmarks.results.record import Row
from benchmarks.session import Session, add_options
from benchmarks.timing.statistics import Spread, ratio
from sah_bench import BenchmarkExecutor, ResultsDirectory, load_bench, make_plan
from sah_bench.config.where import Where
from sah_bench.executor.opened import Opened, opened

__all__ = ["add_arguments", "run"]

TABLE = "Short cells on Ray, on the embedded model"
LOCAL = "processes"
CONTENDERS: dict[str, tuple[Where, bool]] = {
    LOCAL: (Where.local, True),
    "ray": (Where.ray, True),
    "ray, fetched": (Where.ray, False),
}
"""Who answers, and whether the workers see the results directory."""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """What `run` takes."""
    add_options(parser, rounds=3)
    parser.add_argument("--cells", type=int, default=200, help="in a round, a multiple of 10")
    parser.add_argument("--samples", type=int, default=8, help="of each cell")
    parser.add_argument("--context", type=int, default=256)
    parser.add_argument("--workers", type=int, default=2)


def run(arguments: argparse.Namespace) -> None:
    """Measure, print and write."""
    session = Session.start("cluster", arguments)
    session.finish([_row(arguments)], arguments.output)


def _row(arguments: argparse.Namespace) -> Row:
    """Rounds in which each contender answers rows that nobody has seen; its workers have started and have the model."""
    seconds: dict[str, list[float]] = {name: [] for name in CONTENDERS}
    with ExitStack() as stack:
        asked = Asked(arguments.cells // 10, arguments.samples, arguments.context, arguments.workers)
        contenders: dict[str, Contender] = {}
        starts: dict[str, float] = {}
        for name, (where, shared) in CONTENDERS.items():
            folder = stack.enter_context(tempfile.TemporaryDirectory())
            begun = time.perf_counter()
            contenders[name] = Contender.started(stack, asked, where, shared, Path(folder))
            contenders[name].answer(range(1))
            starts[name] = time.perf_counter() - begun
        for number in range(arguments.rounds):
            seeds = range(1 + 10 * number, 11 + 10 * number)
            for name, contender in contenders.items():
                seconds[name].append(contender.answer(seeds))
    return Row(
        table=TABLE,
        operation=f"{arguments.cells} cells",
        setting={"context": arguments.context, "samples": arguments.samples, "workers": arguments.workers},
        milliseconds={name: Spread.of(each).times(1000) for name, each in seconds.items()},
        ratios={f"{name} / {LOCAL}": ratio(seconds[name], seconds[LOCAL]) for name in CONTENDERS if name != LOCAL},
        reference=LOCAL,
        numbers={f"s until {name} had answered its first cells": start for name, start in starts.items()},
    )


@frozen
class Asked:
    """A benchmark of so many configs, of which each seed makes as many cells."""

    configs: int
    samples: int
    context: int
    workers: int

    def config(self, seeds: Sequence[int], shared: bool) -> dict[str, Any]:
        """Of windows that differ by a key."""
        return {
            "version": 1,
            "models": ["needle"],
            "attention": [
                {
                    "name": f"window {window}",
                    "kind": "efficient",
                    "maskers": [{"kind": "sink"}, {"kind": "local", "window": window}],
                }
                for window in range(16, 16 + self.configs)
            ],
            "tasks": [{"kind": "needle", "samples": self.samples, "spacing": 8}],
            "lengths": [self.context],
            "seeds": list(seeds),
            "workers": {
                "devices": ["cpu"] * self.workers,
                "threads": 1,
                "ray": {"workers": self.workers, "cpus": 0.5, "shared": shared},
            },
        }


@frozen
class Contender:
    """Workers that are there, and the directory that they fill."""

    asked: Asked
    shared: bool
    directory: ResultsDirectory
    opened: Opened

    @classmethod
    def started(cls, stack: ExitStack, asked: Asked, where: Where, shared: bool, folder: Path) -> Contender:
        """Start the workers; they end with the stack."""
        directory = ResultsDirectory.created(folder / "results")
        config = load_bench(asked.config([0], shared)).workers
        return cls(asked, shared, directory, stack.enter_context(opened(where, config, directory)))

    def answer(self, seeds: Sequence[int]) -> float:
        """Answer the cells of these seeds; the seconds that the executor took, the rows having been made before."""
        plan = make_plan(load_bench(self.asked.config(seeds, self.shared)), self.directory, kind=self.opened.kind)
        begun = time.perf_counter()
        outcome = BenchmarkExecutor(plan, self.directory, self.opened.workers).run()
        seconds = time.perf_counter() - begun
        if outcome.exit_code or outcome.reused:
            raise RuntimeError("\n".join(outcome.problems) or "some cells had been answered")
        return seconds
