"""A loop over rows, in as many threads as torch uses."""

from __future__ import annotations

import os
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor, wait
from functools import cache
from itertools import pairwise

import torch

__all__ = ["over_rows"]

WORTH = 2**19
"""Numbers that a thread reads in the time that it takes to wake it, several times over."""


def over_rows(loop: Callable[..., None], rows: int, numbers: int, *arguments: object) -> None:
    """``loop(first, last, *arguments)`` of parts of so many rows, in which so many numbers are read altogether.

    Rows must not depend on each other. Torch's number of threads is how many are used, at most.
    """
    parts = min(torch.get_num_threads(), rows, max(1, numbers // WORTH))
    edges = [rows * part // parts for part in range(parts + 1)] if rows else [0, 0]
    spans = list(pairwise(edges))
    others = [_threads(os.getpid()).submit(loop, *span, *arguments) for span in spans[1:]]
    try:
        loop(*spans[0], *arguments)
    finally:
        wait(others)  # they write to memory of the caller's
    for other in others:
        other.result()


@cache
def _threads(process: int) -> ThreadPoolExecutor:
    """A process's own threads: a forked one has none of its parent's."""
    return ThreadPoolExecutor(max_workers=os.cpu_count(), thread_name_prefix="sah")
