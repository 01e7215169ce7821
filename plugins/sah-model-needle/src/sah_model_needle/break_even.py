"""From which context length on a method's attention step is faster than torch's dense attention: by the clock.

One decoding step of one layer, on random tensors of the model's shape. What a method keeps by its keys' content, a mass
for one, differs on random keys from real ones; a budget or a window does not.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from functools import partial

import attrs
import torch
from torch import Tensor
from torch.nn.functional import scaled_dot_product_attention

from sah_core import AttentionInputs, AttentionState, SparseAttention

__all__ = ["LENGTHS", "HeadShape", "StepSeconds", "pays_from", "step_seconds"]

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


@attrs.frozen
class StepSeconds:
    """Seconds for one step, by context length."""

    method: dict[int, float]
    """Choosing its keys included."""
    dense: dict[int, float]
    """Of torch's dense attention."""


def step_seconds(attention: SparseAttention | None, shape: HeadShape) -> StepSeconds:
    """Time a method (None: dense attention itself) and dense attention by turns, so that both meet the same load."""
    method, dense = {}, {}
    with torch.no_grad():
        for length in LENGTHS:
            tensors = shape.step(length)
            # All keys but the last are the context, whose indexes are there before the step: the first run makes them.
            state = AttentionState(context_length=length - 1)
            rivals = [partial(_attend, attention, state, *tensors), partial(_attend, None, state, *tensors)]
            method[length], dense[length] = _fastest(rivals, shape.device)
    return StepSeconds(method, dense)


def pays_from(seconds: StepSeconds) -> int | None:
    """The shortest length at which, and at every longer one, the method is faster; None if it is not at the longest."""
    shortest = None
    for length in sorted(seconds.method, reverse=True):
        if seconds.method[length] >= seconds.dense[length]:
            break
        shortest = length
    return shortest


def _attend(
    attention: SparseAttention | None, state: AttentionState, query: Tensor, keys: Tensor, values: Tensor
) -> object:
    if attention is None:
        return scaled_dot_product_attention(query, keys, values, enable_gqa=True)
    return attention(AttentionInputs(query, keys, values, state=state))


def _fastest(rivals: Sequence[Callable[[], object]], device: torch.device) -> list[float]:
    """Seconds of each one's fastest run of several, after one that is not counted: the others were held up."""
    seconds: list[list[float]] = [[] for _ in rivals]
    for _ in range(1 + _REPEATS):
        for taken, run in zip(seconds, rivals, strict=True):
            start = time.perf_counter()
            run()
            if device.type != "cpu":
                torch.accelerator.synchronize(device)
            taken.append(time.perf_counter() - start)
    return [min(taken[1:]) for taken in seconds]
