"""Measure fresh processes: imports, commands, and the first call of efficient attention."""

from __future__ import annotations

import argparse
import os
import subprocess
import sys
from functools import partial
from typing import Final

from benchmarks.results.record import Row
from benchmarks.session import Session, add_options
from benchmarks.timing.rounds import Contender, compare
from benchmarks.timing.statistics import Spread

__all__ = ["PROCESSES", "add_arguments", "run"]

_FIRST_CALL = """
import torch
from sah_core import AttentionInputs, EfficientAttention
attention = EfficientAttention.from_config({"maskers": [{"kind": "sink"}, {"kind": "local"}, {"kind": "quest"}]})
attention(AttentionInputs(torch.ones(1, 4, 1, 8), torch.ones(1, 2, 512, 8), torch.ones(1, 2, 512, 8)))
"""

PROCESSES: Final[dict[str, tuple[str, ...]]] = {
    "python": ("-c", ""),
    "import sah_core": ("-c", "import sah_core"),
    "sah --help": ("-m", "sah_core.cli", "--help"),
    "sah maskers": ("-m", "sah_core.cli", "maskers"),
    "import torch": ("-c", "import torch"),
    "first efficient call": ("-c", _FIRST_CALL),
}
"""The arguments of Python; the first is a process that does nothing, and torch alone is there to be subtracted."""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """What `run` takes."""
    add_options(parser, rounds=9)


def run(arguments: argparse.Namespace) -> None:
    """Measure, print and write."""
    session = Session.start("startup", arguments)
    environ = {**os.environ, "OMP_NUM_THREADS": str(arguments.threads)}
    processes = {
        name: partial(subprocess.run, [sys.executable, *words], env=environ, capture_output=True, check=True)
        for name, words in PROCESSES.items()
    }
    seconds = compare([Contender(name, process) for name, process in processes.items()], arguments.rounds)
    times = {name: Spread.of(each).times(1000) for name, each in seconds.items()}
    session.finish(
        [Row("Fresh processes", name, {}, {"process": time}) for name, time in times.items()], arguments.output
    )
