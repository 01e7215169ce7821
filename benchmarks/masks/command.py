"""Measure making and uniting masks, expanding them, and the memory of a decode step."""

from __future__ import annotations

import argparse
from collections.abc import Callable
from pathlib import Path

import torch
from torch import Tensor

from benchmarks.calls.calibrations import random_calibrations
from benchmarks.calls.call import Call, Heads
from benchmarks.calls.chains import DENSITY, Chain, selectors, window
from benchmarks.calls.subjects import chain_subject, random_mask
from benchmarks.results.record import Row
from benchmarks.session import DTYPES, Session, add_options
from benchmarks.timing.rounds import Contender, compare
from benchmarks.timing.statistics import Spread, ratio
from sah_core import Mask

from .allocations import allocations

__all__ = ["add_arguments", "run"]

_DENSE_WAY = "dense masks added and clamped"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """What `run` takes."""
    add_options(parser, rounds=15)
    parser.add_argument("--contexts", type=int, nargs="+", default=[4096, 32768, 131072])
    parser.add_argument("--work", type=Path, default=Path(".benchmarks"), help="a folder for random calibrations")


def run(arguments: argparse.Namespace) -> None:
    """Measure, print and write."""
    session = Session.start("masks", arguments)
    heads = Heads()
    calibrations = random_calibrations(arguments.work, heads)
    rows: list[Row] = []
    for context in arguments.contexts:
        call = Call.random(context, DTYPES["float32"], heads)
        rows += [_window_row(call, arguments.rounds), *_representations(call, arguments.rounds)]
    for context in arguments.contexts:
        call = Call.random(context, DTYPES["float32"], heads)
        rows += [_memory_row(call, chain) for chain in (window(), *selectors(context, calibrations, shared=True))]
    session.finish(rows, arguments.output)


def _window_row(call: Call, rounds: int) -> Row:
    """Sink and window: this library's index rows, and the way of dense masks, one tensor of all cells a masker."""
    index = chain_subject(call, window()).parts["select"]
    return _row("sink + local", call, {"index": index, _DENSE_WAY: lambda: _dense_window(call)}, rounds)


def _dense_window(call: Call) -> Tensor:
    shape = call.inputs().shape
    sink, local = torch.zeros(shape), torch.zeros(shape)
    sink[..., :128] = 1.0
    local[..., -128:] = 1.0
    return (sink + local).clamp(0.0, 1.0)


def _representations(call: Call, rounds: int) -> list[Row]:
    """A window united with 2 % of the keys, chosen in a KV group or for each query head, and that expanded."""
    rows = []
    wide = chain_subject(call, window()).mask
    for name, heads in (("shared", call.heads.kv), ("per head", call.heads.query)):
        chosen = random_mask(call, DENSITY, heads)
        rows.append(_row(f"sink + local | 2 % of the keys, {name}", call, _unions(wide, chosen), rounds))
        rows.append(_row(f"to_dense of that, {name}", call, {"index": (wide | chosen).to_dense}, rounds))
    return rows


def _unions(one: Mask, two: Mask) -> dict[str, Callable[[], object]]:
    first, second = one.to_dense(), two.to_dense()
    return {"index": lambda: one | two, _DENSE_WAY: lambda: (first + second).clamp(0.0, 1.0)}


def _row(operation: str, call: Call, works: dict[str, Callable[[], object]], rounds: int) -> Row:
    seconds = compare([Contender(name, work) for name, work in works.items()], rounds)
    compared = _DENSE_WAY in works
    return Row(
        table="Making masks",
        operation=operation,
        setting={"context": call.context, "heads": str(call.heads)},
        milliseconds={name: Spread.of(each).times(1000) for name, each in seconds.items()},
        ratios={"index": ratio(seconds[_DENSE_WAY], seconds["index"])} if compared else {},
        reference=_DENSE_WAY if compared else None,
    )


def _memory_row(call: Call, chain: Chain) -> Row:
    """Memory of a decode step, beside one score for every key and selecting row, and beside the keys."""
    subject = chain_subject(call, chain)
    subject.parts["step"]()
    taken = allocations(subject.parts["step"])
    rows = subject.mask.index_rows().rows[1]
    return Row(
        table="Memory of a decode step, KiB",
        operation=chain.name,
        setting={"context": call.context, "heads": str(call.heads), "dtype": "float32"},
        milliseconds={},
        config=chain.config,
        density=subject.mask.density(),
        numbers={
            "peak": taken.peak / 1024,
            "largest": taken.largest / 1024,
            "in all": taken.total / 1024,
            "a score for every key and row": rows * subject.mask.shape[3] * 4 / 1024,
            "keys": call.keys.nbytes / 1024,
        },
    )
