"""Measure making RULER's rows, against counting their tokens once, and against the port in lm-evaluation-harness."""

from __future__ import annotations

import argparse
import contextlib
import io
import os
import time
import warnings
from typing import Any, get_args

from benchmarks.results.record import Row
from benchmarks.session import Session, add_options
from benchmarks.timing.statistics import Spread, ratio
from sah_bench.tasks.task import TaskWarning
from sah_tasks_ruler.config import QUESTION_FILES, RulerConfig, TaskName
from sah_tasks_ruler.ruler import Ruler

from .peer import PEER
from .tokenizer import trained_tokenizer

__all__ = ["add_arguments", "run"]

TABLE = "Making RULER's rows"
TASKS: tuple[TaskName, ...] = tuple(name for name in get_args(TaskName) if name not in QUESTION_FILES)
"""Those that need no file."""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """What `run` takes."""
    add_options(parser, rounds=3)
    parser.add_argument("--lengths", type=int, nargs="+", default=[4096, 131072])
    parser.add_argument("--samples", type=int, default=100)
    parser.add_argument("--tasks", nargs="+", choices=TASKS, default=TASKS)
    parser.add_argument("--peer-length", type=int, default=16384, help="at which the port makes rows, too")
    parser.add_argument("--peer-samples", type=int, default=5)


def run(arguments: argparse.Namespace) -> None:
    """Measure, print and write."""
    os.environ["RAYON_NUM_THREADS"] = str(
        arguments.threads
    )  # of the tokenizer, read when it first counts several texts
    session = Session.start("rows", arguments)
    tokenizer = trained_tokenizer()
    rows = [
        _row(tokenizer, task, length, arguments.samples, arguments.rounds)
        for length in arguments.lengths
        for task in arguments.tasks
    ]
    rows += [
        _against_peer(tokenizer, task, arguments.peer_length, arguments.peer_samples, arguments.rounds)
        for task in arguments.tasks
        if task in PEER
    ]
    session.finish(rows, arguments.output)


def _row(tokenizer: Any, task: TaskName, length: int, samples: int, rounds: int) -> Row:
    made: list[float] = []
    counted: list[float] = []
    used: list[int] = []
    for _ in range(rounds):
        begun = time.perf_counter()
        rows = _made(tokenizer, task, length, samples)
        made.append(time.perf_counter() - begun)
        used += [row.extra["tokens"] for row in rows]
        texts = [row.context for row in rows]
        begun = time.perf_counter()
        tokenizer.backend_tokenizer.encode_batch_fast(texts)
        counted.append(time.perf_counter() - begun)
    return _as_row(task, length, samples, {"rows": made, "one count": counted}, "rows / one count", used)


def _against_peer(tokenizer: Any, task: TaskName, length: int, samples: int, rounds: int) -> Row:
    made: list[float] = []
    port: list[float] = []
    used: list[int] = []
    for _ in range(rounds):
        begun = time.perf_counter()
        rows = _made(tokenizer, task, length, samples)
        made.append(time.perf_counter() - begun)
        used += [row.extra["tokens"] for row in rows]
        begun = time.perf_counter()
        with contextlib.redirect_stderr(io.StringIO()):  # its progress bars
            PEER[task](tokenizer, length, samples)
        port.append(time.perf_counter() - begun)
    return _as_row(task, length, samples, {"lm_eval": port, "rows": made}, "lm_eval / rows", used)


def _made(tokenizer: Any, task: TaskName, length: int, samples: int) -> tuple[Any, ...]:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", TaskWarning)  # that noise stands in for essays, which nobody brought
        return Ruler(RulerConfig(task=task, samples=samples)).rows(length, 0, tokenizer)


def _as_row(
    task: TaskName, length: int, samples: int, seconds: dict[str, list[float]], compared: str, used: list[int]
) -> Row:
    first, second = seconds[compared.partition(" / ")[0]], seconds[compared.partition(" / ")[2]]
    return Row(
        table=TABLE,
        operation=task,
        setting={"length": length, "samples": samples},
        milliseconds={name: Spread.of(each).times(1000) for name, each in seconds.items()},
        ratios={compared: ratio(first, second)},
        reference=compared.partition(" / ")[2],
        numbers={"shortest": min(used), "longest": max(used)},
    )
