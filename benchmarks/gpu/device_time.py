"""Time on the device itself: events around a replayed graph, with the caches emptied before."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping

import torch
from torch import Tensor

from benchmarks.timing.rounds import Seconds

__all__ = ["device_seconds", "python_seconds"]

Call = Callable[[], Tensor]

FLUSH = 2**28
"""Bytes written before every call: several times the largest cache of a GPU."""


def device_seconds(calls: Mapping[str, Call], rounds: int) -> Seconds:
    """Seconds that the device takes for one call of each, one number a round; the calls take turns.

    What Python and the driver need to start the kernels is not in them: each call is captured as a CUDA graph.
    """
    graphs = {name: _captured(call) for name, call in calls.items()}
    flush = torch.empty(FLUSH, dtype=torch.int8, device="cuda")
    spans: dict[str, list[tuple[torch.cuda.Event, torch.cuda.Event]]] = {name: [] for name in calls}
    for _ in range(rounds):
        for name, graph in graphs.items():
            start, end = _event(), _event()
            flush.zero_()
            start.record()
            graph.replay()
            end.record()
            spans[name].append((start, end))
        torch.cuda.synchronize()
    return {name: tuple(start.elapsed_time(end) / 1000 for start, end in each) for name, each in spans.items()}


def python_seconds(calls: Mapping[str, Call], rounds: int, times: int = 50) -> Seconds:
    """Seconds of one call as Python makes it, with what it takes to start the kernels; ``times`` calls in a row."""
    seconds: dict[str, list[float]] = {name: [] for name in calls}
    for _ in range(rounds):
        for name, call in calls.items():
            torch.cuda.synchronize()
            start = time.perf_counter()
            for _ in range(times):
                call()
            torch.cuda.synchronize()
            seconds[name].append((time.perf_counter() - start) / times)
    return {name: tuple(each) for name, each in seconds.items()}


def _captured(call: Call) -> torch.cuda.CUDAGraph:
    """The call as a graph; it runs a few times first, as kernels are compiled and memory is found then."""
    stream = torch.cuda.Stream()  # type: ignore[no-untyped-call]  # torch gives it no types
    stream.wait_stream(torch.cuda.current_stream())
    with torch.cuda.stream(stream):
        for _ in range(3):
            call()
    torch.cuda.current_stream().wait_stream(stream)
    graph = torch.cuda.CUDAGraph()
    with torch.cuda.graph(graph):
        call()
    return graph


def _event() -> torch.cuda.Event:
    return torch.cuda.Event(enable_timing=True)  # type: ignore[no-untyped-call]  # torch gives it no types
