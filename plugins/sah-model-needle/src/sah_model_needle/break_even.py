"""From which context length on a method's attention step is faster than torch's dense attention: by the clock.

One decoding step of one layer, on random tensors of the model's shape. What a method keeps by its keys' content, a mass
for one, differs on random keys from real ones; a budget or a window does not.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping

import attrs
import torch
from torch import Tensor
from torch.nn.functional import scaled_dot_product_attention

from sah_core import AttentionInputs, ResearchAttention

__all__ = ["LENGTHS", "HeadShape", "dense_seconds", "pays_from", "sparse_seconds"]

LENGTHS = tuple(1024 * 2**doubling for doubling in range(6))
"""Context lengths that are tried: 1024 to 32768."""

_REPEATS = 7


@attrs.frozen
class HeadShape:
    """The heads of an attention layer."""

    heads: int
    kv_heads: int
    head_dim: int
    device: torch.device

    def step(self, length: int) -> tuple[Tensor, Tensor, Tensor]:
        """One query (1, heads, 1, head_dim), and ``length`` keys and values (1, kv_heads, length, head_dim)."""
        random = torch.Generator().manual_seed(length)
        query = torch.randn(1, self.heads, 1, self.head_dim, generator=random)
        keys, values = torch.randn(2, 1, self.kv_heads, length, self.head_dim, generator=random)
        return query.to(self.device), keys.to(self.device), values.to(self.device)


def dense_seconds(shape: HeadShape) -> dict[int, float]:
    """Seconds of torch's dense attention for one step, by context length."""
    return _by_length(shape, lambda q, k, v: scaled_dot_product_attention(q, k, v, enable_gqa=True))


def sparse_seconds(attention: ResearchAttention, shape: HeadShape) -> dict[int, float]:
    """Seconds of a method for one step, choosing its keys included, by context length."""
    return _by_length(shape, lambda q, k, v: attention(AttentionInputs(q, k, v)))


def pays_from(sparse: Mapping[int, float], dense: Mapping[int, float]) -> int | None:
    """The shortest length at which, and at every longer one, the method is faster; None if it is not at the longest."""
    shortest = None
    for length in sorted(sparse, reverse=True):
        if sparse[length] >= dense[length]:
            break
        shortest = length
    return shortest


def _by_length(shape: HeadShape, step: Callable[[Tensor, Tensor, Tensor], object]) -> dict[int, float]:
    with torch.no_grad():
        return {length: _fastest(step, *shape.step(length)) for length in LENGTHS}


def _fastest(step: Callable[..., object], *tensors: Tensor) -> float:
    """Seconds of the fastest of several runs, after one that is not counted: the others were held up by something."""
    seconds = []
    for _ in range(1 + _REPEATS):
        start = time.perf_counter()
        step(*tensors)
        if tensors[0].device.type != "cpu":
            torch.accelerator.synchronize(tensors[0].device)
        seconds.append(time.perf_counter() - start)
    return min(seconds[1:])
