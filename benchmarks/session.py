"""What all timing benchmarks have in common: their options, what surrounds the numbers, and where those go."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence
from pathlib import Path

import attrs
import torch
from rich.console import Console
from rich.table import Table

from benchmarks.results.bars import judged
from benchmarks.results.cells import digits, spread, tables
from benchmarks.results.publish import DATA, publish
from benchmarks.results.record import Record, Row, write_record
from benchmarks.timing.bandwidth import read_bandwidth
from benchmarks.timing.machine import machine, versions

__all__ = ["DTYPES", "Session", "add_options"]

DTYPES = {"float32": torch.float32, "bfloat16": torch.bfloat16}
_WIDTH = 240
"""Of tables that go to no terminal."""


def add_options(parser: argparse.ArgumentParser, rounds: int) -> None:
    """The options of every timing benchmark."""
    parser.add_argument("--rounds", type=int, default=rounds, help="in which each contender has its turn")
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument(
        "-o", "--output", type=Path, default=Path(".benchmarks"), help=f"a folder for {DATA}, the page and plots"
    )


@attrs.frozen
class Session:
    """One run of a benchmark."""

    benchmark: str
    threads: int
    bandwidth: float

    @classmethod
    def start(cls, benchmark: str, arguments: argparse.Namespace) -> Session:
        """Set the threads and measure how fast memory is read."""
        torch.set_num_threads(arguments.threads)
        bandwidth = read_bandwidth()
        print(f"memory is read at {digits(bandwidth / 1e9)} GB/s", flush=True)
        return cls(benchmark, arguments.threads, bandwidth)

    def finish(self, rows: Sequence[Row], output: Path) -> None:
        """Print the rows, and write them with the page and the plots of all that the folder holds."""
        record = Record(
            benchmark=self.benchmark,
            command=_command(sys.argv[1:]),
            threads=self.threads,
            bandwidth=self.bandwidth,
            machine=machine(),
            versions=versions(),
            rows=tuple(rows),
        )
        publish(write_record(output / DATA, record), output)
        _show(record)


def _command(given: Sequence[str]) -> str:
    """The command as it was given, but for where the results went."""
    kept = [
        word
        for word, before in zip(given, ["", *given], strict=False)
        if not {word, before} & {"-o", "--output"} and not word.startswith("--output=")
    ]
    return " ".join(["python -m benchmarks", *kept])


def _show(record: Record) -> None:
    console = Console(width=None if sys.stdout.isatty() else _WIDTH)
    for cells in tables(record.rows):
        table = Table(*cells.header, title=cells.title, title_justify="left")
        for row in cells.rows:
            table.add_row(*row)
        console.print(table)
    for each in judged({record.benchmark: record}):
        if each.row is not None and each.measured is not None:
            at = ", ".join(str(value) for value in each.row.setting.values())
            console.print(f"{'met' if each.met else 'NOT MET'}: {each.bar.text} ({at}): {spread(each.measured)}")
