"""Measure attention of several new tokens at once, under the causal mask that a model gives."""

from __future__ import annotations

import argparse

from benchmarks.calls.call import Call, Heads
from benchmarks.calls.chains import quest, window
from benchmarks.calls.subjects import chain_subject
from benchmarks.decode.measure import against_dense
from benchmarks.results.record import Row
from benchmarks.session import DTYPES, Session, add_options

__all__ = ["add_arguments", "run"]


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """What `run` takes."""
    add_options(parser, rounds=7)
    parser.add_argument("--context", type=int, default=32768, help="keys that are there before the new tokens")
    parser.add_argument("--queries", type=int, nargs="+", default=[1, 4, 16, 64], help="new tokens")
    parser.add_argument("--dtypes", nargs="+", choices=list(DTYPES), default=list(DTYPES))


def run(arguments: argparse.Namespace) -> None:
    """Measure, print and write."""
    session = Session.start("prefill", arguments)
    rows: list[Row] = []
    for dtype in arguments.dtypes:
        for queries in arguments.queries:
            call = Call.random(arguments.context, DTYPES[dtype], Heads(), queries).with_causal_mask()
            subjects = [chain_subject(call, chain) for chain in (window(), quest(arguments.context))]
            rows += against_dense(call, subjects, arguments.rounds, session.bandwidth, "Reading new tokens")
            print(f"{dtype}: {queries} new tokens", flush=True)
    session.finish(rows, arguments.output)
