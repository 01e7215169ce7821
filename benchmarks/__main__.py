"""The command line of the benchmarks."""

from __future__ import annotations

import argparse

from .adapter import command as adapter
from .choices import command as choices
from .cluster import command as cluster
from .decode import command as decode
from .gpu import command as gpu
from .masks import command as masks
from .measuring import command as measuring
from .methods import command as methods
from .prefill import command as prefill
from .report import command as report
from .request import command as request
from .rows import command as rows
from .scale import command as scale
from .schedule import command as schedule
from .startup import command as startup
from .sweep import command as sweep


def main() -> None:
    """Run the benchmark that was asked for."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks", description="Make the published measurements.")
    benchmarks = parser.add_subparsers(required=True, metavar="BENCHMARK")
    for name, benchmark, text in (
        ("methods", methods, "every method at several densities, on the embedded model"),
        ("decode", decode, "one decode step of attention against dense attention"),
        ("prefill", prefill, "reading new tokens onto a context"),
        ("request", request, "a whole model: ten questions on one context, and tokens a second"),
        ("masks", masks, "making masks, and the memory of a decode step"),
        ("measuring", measuring, "what measuring a share of attention calls adds to an answer"),
        ("startup", startup, "imports, commands, the first call"),
        ("adapter", adapter, "what the adapter adds to a model's forward, densely and with every key kept"),
        ("sweep", sweep, "what the executor of `sah bench` adds to the model's time"),
        ("cluster", cluster, "short cells on a Ray cluster against processes on this machine"),
        ("choices", choices, "multiple choice through lm_eval, its own model against this project's"),
        ("rows", rows, "making RULER's rows, against one count of their tokens and against lm_eval's port"),
        ("scale", scale, "what planning needs: speeds of models and methods, and the errors of the formulas"),
        ("schedule", schedule, "the executor on simulated devices, and whole leaderboards on them"),
        ("gpu", gpu, "attention over a few keys on a GPU against dense attention"),
        ("report", report, "write the page and the plots of these again"),
    ):
        each = benchmarks.add_parser(name, help=text)
        benchmark.add_arguments(each)
        each.set_defaults(run=benchmark.run)
    arguments = parser.parse_args()
    arguments.run(arguments)


if __name__ == "__main__":
    main()
