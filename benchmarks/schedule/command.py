"""Run the executor on simulated devices: what it takes for many cells, and how long whole leaderboards take."""

from __future__ import annotations

import argparse
import tracemalloc
from pathlib import Path
from typing import Final

from benchmarks.results.record import Row, read_records
from benchmarks.scale.command import finish
from benchmarks.scale.leaderboard import Leaderboard
from benchmarks.scale.measured import Measured
from benchmarks.scale.page import DATA
from benchmarks.session import Session
from benchmarks.timing.statistics import Spread
from sah_bench.plan.cell import Cell
from sah_bench.plan.plan import Plan

from .cells import planned
from .memory import MemoryAt
from .simulated import SimulatedWorkers
from .simulation import Simulated, simulate

__all__ = ["add_arguments", "leaderboard_row", "run"]

_ATTENTION: Final = 18
"""Methods of the many cells, so that all models, tasks and lengths are among them."""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """What `run` takes."""
    parser.add_argument("--cells", type=int, default=10_000)
    parser.add_argument("--devices", type=int, default=512)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--lost", type=float, default=0.001, help="the share of cells that cost their worker")
    parser.add_argument("--gpu", default="H200", help="a name of benchmarks.scale.speeds.GPUS")
    parser.add_argument("--fleets", type=int, nargs="*", default=[8, 64, 512], help="devices of the leaderboards' runs")
    parser.add_argument("--samples", type=int, default=100, help="of the leaderboards")
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("-o", "--output", type=Path, default=Path(".benchmarks"), help=f"the folder with {DATA}")


def run(arguments: argparse.Namespace) -> None:
    """Measure, print and write."""
    scale = read_records(arguments.output / DATA).get("scale")
    if scale is None:
        raise SystemExit(f"{arguments.output / DATA} has no constants: run  python -m benchmarks scale  first")
    measured = Measured.of(scale)
    session = Session.start("schedule", arguments)
    rows = [_executor(measured.leaderboard(arguments.gpu, "middle", 10), arguments)]
    board = measured.leaderboard(arguments.gpu, "middle", arguments.samples)
    for most, said in ((10, "tables of 10, or of as many as are kept"), (None, "one table a task and length")):
        rows += [leaderboard_row(board, most, said, devices) for devices in arguments.fleets]
    finish(session, rows, arguments.output)


def _executor(board: Leaderboard, arguments: argparse.Namespace) -> Row:
    """Many cells, told of sample by sample; times are of runs without tracemalloc, which slows everything."""
    names = [method.name for method in board.methods[:_ATTENTION]]
    plan = planned(board.tables(10), names, arguments.cells)
    at = (arguments.cells // 5, arguments.cells)

    def simulated() -> tuple[Simulated, MemoryAt]:
        memory = MemoryAt(at)
        workers = SimulatedWorkers(arguments.devices, board, lost=arguments.lost)
        return simulate(plan, workers, memory), memory

    tracemalloc.start()
    traced = simulated()[1].held
    tracemalloc.stop()
    done = [simulated() for _ in range(arguments.rounds)]
    runs = [ran for ran, _ in done]
    spent = [ran.executor_seconds for ran in runs]
    ran, resident = runs[0], done[-1][1].held
    print(f"{arguments.cells} cells on {arguments.devices} devices", flush=True)
    return Row(
        table="The executor on simulated devices",
        operation=f"{len(plan.cells)} cells",
        setting={"devices": arguments.devices, "samples": sum(cell.samples for cell in plan.cells)},
        milliseconds={"a cell": Spread.of([1000 * each / len(plan.cells) for each in spent])},
        numbers={
            "us an event": 1e6 * min(spent) / ran.workers.events,
            "% of devices' time": 100 * min(spent) / ran.workers.busy,
            "% of the run": 100 * min(spent) / ran.wall,
            "hours, simulated": ran.wall / 3600,
            "idle, %": 100 * ran.idle,
            "workers lost": ran.workers.starts - arguments.devices,
            "loads": ran.workers.loads,
            "loads at least": ran.workers.starts,
            "contexts read": ran.workers.reads,
            "contexts": _contexts(plan),
            "Python KB more": (traced[-1].traced - traced[0].traced) / 1e3,
            "resident KB more": (resident[-1].resident - resident[0].resident) / 1e3,
        },
    )


def leaderboard_row(board: Leaderboard, most: int | None, said: str, devices: int) -> Row:
    """A whole one on so many devices, in tables of at most ``most`` samples; RuntimeError where a cell fails."""
    plan = planned(board.tables(most), [method.name for method in board.methods])
    ran = simulate(plan, SimulatedWorkers(devices, board, each_sample=False))
    if ran.outcome.exit_code:
        raise RuntimeError("\n".join(ran.outcome.problems))
    print(f"{said}: {len(plan.cells)} cells on {devices} devices", flush=True)
    return Row(
        table=f"Leaderboards of {board.samples} samples, {board.device.name}",
        operation=said,
        setting={"cells": len(plan.cells), "devices": devices},
        milliseconds={},
        numbers={
            "hours": ran.wall / 3600,
            "largest cell, hours": max(_alone(board, cell) for cell in plan.cells) / 3600,
            "device hours": ran.wall * devices / 3600,
            "idle, %": 100 * ran.idle,
            "contexts read": ran.workers.reads,
            "contexts": _contexts(plan),
            "loads": ran.workers.loads,
            "executor, s": ran.executor_seconds,
        },
    )


def _alone(board: Leaderboard, cell: Cell) -> float:
    """Seconds of a cell, as the first of its table or with contexts that are never kept."""
    return cell.samples * (board.read(cell) + board.answer(cell))


def _contexts(plan: Plan) -> int:
    """How many there are: those of the tables that the plan asks."""
    return sum({cell.table: cell.samples for cell in plan.cells}.values())
