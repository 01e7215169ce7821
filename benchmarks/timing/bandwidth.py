"""How fast memory can be read here, and what that makes of a number of bytes."""

from __future__ import annotations

import time

import torch

__all__ = ["limit_ms", "read_bandwidth"]


def read_bandwidth(nbytes: int = 2**29, repeats: int = 7) -> float:
    """Bytes a second: the best of several sums over a buffer of float32, far larger than any cache."""
    buffer = torch.ones(nbytes // 4, dtype=torch.float32)
    best = float("inf")
    for _ in range(repeats):
        start = time.perf_counter()
        buffer.sum()
        best = min(best, time.perf_counter() - start)
    return buffer.nbytes / best


def limit_ms(nbytes: float, bandwidth: float) -> float:
    """Milliseconds that it takes to read so many bytes once, at so many bytes a second."""
    return 1000 * nbytes / bandwidth
