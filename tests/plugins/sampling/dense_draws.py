"""The samplers as plainly as they can be written: a number for every cell, all of them sorted."""

import math
from collections.abc import Callable
from fractions import Fraction
from statistics import NormalDist

import torch
from torch import Tensor

from sah_core import AttentionInputs, Mask
from sah_core.grouped_heads import by_group
from sah_core.randomness import generator
from sah_masker_sampling import RandomConfig, VAttentionConfig

__all__ = ["dense_random", "dense_vattention"]


def dense_random(inputs: AttentionInputs, previous: Mask, config: RandomConfig) -> Mask:
    """The keys with the smallest numbers of each row's residual, or those with a number below the rate."""
    free = _free(inputs, previous, config.share_kv_group)
    numbers = _numbers(inputs, free)
    if config.mode == "bernoulli":
        rate = torch.tensor(config.rate, dtype=torch.float32)
        return _after(inputs, previous, (numbers < rate) * rate)
    n = free.sum(-1)
    size = _share(n, config.rate, math.ceil)
    drawn = _first(numbers.argsort(dim=-1, stable=True), size)
    return _after(inputs, previous, drawn * (size.double() / n.clamp(min=1)).float().unsqueeze(-1))


def dense_vattention(inputs: AttentionInputs, previous: Mask, config: VAttentionConfig) -> Mask:
    """The base sample and b' more: everything from cells and from the logits of all keys."""
    free = _free(inputs, previous, config.share_kv_group)
    order = _numbers(inputs, free).argsort(dim=-1, stable=True)
    n_s = free.sum(-1)
    b0 = torch.minimum(_share(n_s, config.base_rate, math.floor).clamp(min=2), n_s)
    in_base, rest = _first(order, b0), n_s - b0
    heads, rows = inputs.shape[1], free.shape[1]
    kept = (previous.to_dense() > 0) & inputs.visible
    base = in_base.repeat_interleave(heads // rows, 1)
    read = (kept | base) & inputs.visible
    logits = inputs.logits.double().masked_fill(~read, -torch.inf)
    largest = logits.amax(-1, keepdim=True).nan_to_num(neginf=0.0)
    e = torch.exp(logits - largest).unsqueeze(-1)  # (b, hq, q, k, 1)
    values = inputs.values.double().repeat_interleave(inputs.group_size, 1).unsqueeze(2)  # (b, hq, 1, k, dv)
    epsilon, delta = config.epsilon, config.delta
    if config.target == "sdpa":
        epsilon, delta = epsilon / (2 + epsilon), delta / 2
    sinks = 0.0 if inputs.sinks is None else torch.exp(inputs.sinks.double().reshape(1, -1, 1, 1) - largest)
    sums: list[tuple[Tensor, Tensor | float]] = []
    if config.target != "numerator":
        sums.append((e, sinks))
    if config.target != "denominator":
        sums.append((e * values, 0.0))
    required = torch.zeros(inputs.shape[:3], dtype=torch.float64)
    size = base.sum(-1).clamp(min=2)
    left = rest.repeat_interleave(heads // rows, 1)
    for y, extra in sums:
        drawn = y * (base & ~kept).unsqueeze(-1)
        mean = drawn.sum(-2) / size.unsqueeze(-1)
        variance = (((drawn - mean.unsqueeze(-2)) ** 2) * base.unsqueeze(-1)).sum((-1, -2)) / (size - 1)
        target = (y.sum(-2) + left.unsqueeze(-1) * mean + extra).norm(dim=-1)
        spread = torch.where(variance == 0, variance, left * variance.sqrt() / target)
        required = torch.maximum(required, (NormalDist().inv_cdf(1 - delta / 2) / epsilon * spread) ** 2)
    more = torch.minimum(by_group(required, rows).amax(2).ceil().clamp(min=1), rest.double()).long()
    probs = (more.double() / rest.clamp(min=1)).unsqueeze(-1).masked_fill(in_base, 1.0)
    return _after(inputs, previous, _first(order, b0 + more) * probs.float())


def _free(inputs: AttentionInputs, previous: Mask, share: bool) -> Tensor:
    """The residual, bool (b, rows, q, k)."""
    free = inputs.visible & (previous.to_dense() == 0)
    return by_group(free, inputs.kv_heads).any(2) if share else free


def _numbers(inputs: AttentionInputs, free: Tensor) -> Tensor:
    """The numbers of `row_uniforms`, drawn row by row; 1 outside the residual."""
    (b, _, q, k), heads = inputs.shape, free.shape[1]
    seen = inputs.visible if inputs.visible.shape[1] == 1 else by_group(inputs.visible, heads).any(2)
    seen = seen.expand(b, heads, q, k)
    numbers = torch.ones((b, heads, q, k), dtype=torch.float64)
    for row in range(b):
        for query in range(q):
            row_id = row if inputs.row_ids is None else inputs.row_ids[row]
            position = int(inputs.positions.expand(b, q)[row, query] - inputs.first_tokens[row])
            name = ("draw", inputs.seed, row_id, inputs.layer_idx, inputs.masker_position, position)
            longest = int(seen[row, :, query].sum(-1).max())
            drawn = torch.rand((heads, longest), generator=generator(*name), dtype=torch.float64)
            for head in range(heads):
                cells = seen[row, head, query]
                numbers[row, head, query, cells] = drawn[head, : int(cells.sum())]
    return numbers.masked_fill(~free, 1.0)


def _share(counts: Tensor, share: float, rounded: Callable[[Fraction], int]) -> Tensor:
    """``rounded(share * n)`` for every count n."""
    return counts.clone().apply_(lambda n: rounded(Fraction(str(share)) * n))


def _first(order: Tensor, sizes: Tensor) -> Tensor:
    """The first ``sizes`` (b, rows, q) keys of an order of all keys, as cells (b, rows, q, k)."""
    first = torch.arange(order.shape[-1]) < sizes.unsqueeze(-1)
    return torch.zeros_like(order, dtype=torch.bool).scatter_(-1, order, first)


def _after(inputs: AttentionInputs, previous: Mask, drawn: Tensor) -> Mask:
    """What was kept, for certain, and the drawn probabilities (b, rows, q, k) of what each head sees and lacks."""
    probs = drawn.float().repeat_interleave(inputs.shape[1] // drawn.shape[1], 1) * inputs.visible
    return Mask.from_dense(torch.maximum((previous.to_dense() > 0).float(), probs))
