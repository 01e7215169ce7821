"""Measure a decode step on a CUDA device; without one say so, and measure nothing."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Mapping, Sequence

import torch

from benchmarks.calls.call import Heads
from benchmarks.results.cells import digits, spread
from benchmarks.timing.statistics import Spread, fastest, ratio
from sah_core.kernels.available import triton_missing

from .device_time import device_seconds, python_seconds
from .works import Work, decode_works

__all__ = ["add_arguments", "run"]

Times = Mapping[str, Sequence[float]]
"""Of every work by name: seconds, one number a round."""
DTYPES = {"bfloat16": torch.bfloat16, "float16": torch.float16}
LARGEST_ERROR = 0.02
"""Of outputs and scores that are sums of 16-bit numbers; what is further off than this is not timed."""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """What `run` takes."""
    parser.add_argument("--contexts", type=int, nargs="+", default=[32768, 131072])
    parser.add_argument("--density", type=float, default=0.02, help="the share of the keys that is read")
    parser.add_argument("--dtype", choices=list(DTYPES), default="bfloat16")
    parser.add_argument("--rounds", type=int, default=100, help="in which each way has its turn")


def run(arguments: argparse.Namespace) -> None:
    """Print times, bandwidths and ratios; leaves with status 2 where there is no GPU, 1 where a result is wrong."""
    device = torch.device("cuda")
    missing = triton_missing(device)
    if missing is not None:
        print(f"nothing was measured: {missing}", file=sys.stderr)
        sys.exit(2)
    print(f"{torch.cuda.get_device_name(device)}, torch {torch.__version__}, one query, {Heads()}, {arguments.dtype}")
    for context in arguments.contexts:
        works = decode_works(context, arguments.density, Heads(), DTYPES[arguments.dtype], device)
        for work in works:
            error = work.error()
            if not error <= LARGEST_ERROR:
                print(f"{work.name}: off by {error:.3g}, expected at most {LARGEST_ERROR}", file=sys.stderr)
                sys.exit(1)
        calls = {work.name: work.call for work in works}
        on_device = device_seconds(calls, arguments.rounds)
        from_python = python_seconds(calls, max(1, arguments.rounds // 10))
        print(f"\n{context} keys, {arguments.density:.1%} of them read")
        print("\n".join(lines(works, on_device, from_python)))


def lines(works: Sequence[Work], on_device: Times, from_python: Times) -> list[str]:
    """A line for each work: device time with its spread, bandwidth, time from Python, ratio to the fastest dense."""
    dense = fastest(on_device, [work.name for work in works if work.dense])
    width = max(len(work.name) for work in works)
    table = [f"{'':{width}}  {'device us':>20}  {'GB/s':>6}  {'from Python us':>14}  times as fast"]
    for work in works:
        time = Spread.of(on_device[work.name]).times(1e6)
        bandwidth = work.nbytes / time.median / 1e3
        faster = ratio(on_device[dense], on_device[work.name])
        called = Spread.of(from_python[work.name]).median * 1e6
        numbers = f"{spread(time):>20}  {bandwidth:6.0f}  {digits(called):>14}  {spread(faster)}"
        table.append(f"{work.name:{width}}  {numbers}")
    return [*table, f"times as fast as: {dense}"]
