"""Write the page and the plots of a folder's performance.json."""

from __future__ import annotations

import argparse
from pathlib import Path

from benchmarks.results.publish import DATA, publish
from benchmarks.results.record import read_records

__all__ = ["add_arguments", "run"]


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """What `run` takes."""
    parser.add_argument("-o", "--output", type=Path, default=Path("docs/results"), help=f"the folder with {DATA}")


def run(arguments: argparse.Namespace) -> None:
    """Write them."""
    records = read_records(arguments.output / DATA)
    if not records:
        raise SystemExit(
            f"there is no {DATA} in {arguments.output}: run a benchmark with  -o {arguments.output}  first"
        )
    publish(records, arguments.output)
