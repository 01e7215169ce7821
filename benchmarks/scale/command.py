"""Measure what the formulas need, and try them on what they were not fitted to."""

from __future__ import annotations

import argparse
import shlex
import sys
from collections.abc import Sequence
from pathlib import Path

import torch

from benchmarks.calls.calibrations import random_calibrations
from benchmarks.results.record import Record, Row, write_record
from benchmarks.session import DTYPES, Session
from benchmarks.timing.machine import machine, versions
from benchmarks.timing.statistics import Spread

from .attending import HEADS, attending
from .cell_costs import cell_costs
from .measured import CONSTANTS
from .models import SIZES, load_seconds, made, reading, steps
from .page import DATA, write_page
from .trying import tried_attending, tried_reading, tried_steps

__all__ = ["add_arguments", "finish", "run"]


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """What `run` takes."""
    parser.add_argument("--device", default="cpu", help="whose speeds are measured: cpu, cuda:0")
    parser.add_argument("--dtype", choices=list(DTYPES), default="float32")
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--scale", type=int, default=1, help="how many times as wide models are, for fast devices")
    parser.add_argument("--keys", type=int, nargs=3, default=[4096, 16384, 32768], help="the second is predicted")
    parser.add_argument("--cells", type=int, default=7, help="of each kind, to find what a cell takes")
    parser.add_argument("--work", type=Path, default=Path(".benchmarks"), help="a folder for random calibrations")
    parser.add_argument("-o", "--output", type=Path, default=Path(".benchmarks"), help=f"a folder for {DATA}")


def run(arguments: argparse.Namespace) -> None:
    """Measure, print and write."""
    session = Session.start("scale", arguments)
    device, dtype = torch.device(arguments.device), DTYPES[arguments.dtype]
    models = [(size, made(size.wider(arguments.scale), dtype, device)) for size in SIZES]
    read = tried_reading(reading(models, arguments.rounds))
    print("contexts are read", flush=True)
    decoded = tried_steps(steps(models, arguments.rounds))
    print("models have decoded", flush=True)
    loading = Spread.of(load_seconds(models[-1][1], arguments.rounds))
    weights = models[-1][1].get_memory_footprint()
    del models
    calibrations = random_calibrations(arguments.work, HEADS)
    attended = attending(arguments.keys, calibrations, dtype, device, arguments.rounds)
    cell, sample = cell_costs(arguments.cells)
    constants = {
        "matrices, GFLOP/s": _giga(read.rates[0]),
        "attention, GFLOP/s": _giga(read.rates[1]),
        "weights, GB/s": _giga(decoded.rates[0]),
        "keys and values, GB/s": _giga(decoded.rates[1]),
        "a layer, ms": 1e3 * decoded.rates[2],
        "loading, GB/s": 1e-9 * weights / loading.median,
        "a cell, ms": 1e3 * cell,
        "a sample, ms": 1e3 * sample,
    }
    setting = {"device": arguments.device, "dtype": arguments.dtype}
    rows = [
        Row(CONSTANTS, "this machine", setting, {}, numbers=constants),
        *tried_attending(attended, arguments.keys[1], read.rates[0], HEADS.kv),
        *read.rows,
        *decoded.rows,
    ]
    finish(session, rows, arguments.output)


def finish(session: Session, rows: Sequence[Row], output: Path) -> None:
    """Write the rows, and the tables of docs/scale.md where it lies above the folder; print those that are known."""
    record = Record(
        benchmark=session.benchmark,
        command=shlex.join(["python", "-m", "benchmarks", *sys.argv[1:]]),
        threads=session.threads,
        bandwidth=session.bandwidth,
        machine=machine(),
        versions=versions(),
        rows=tuple(rows),
    )
    print(write_page(write_record(output / DATA, record), output.parent / "scale.md"))


def _giga(rate: float) -> float:
    """Units a nanosecond, from seconds a unit; where none could be told, more than anything does."""
    return 1e-9 / rate if rate > 0 else 1e9
