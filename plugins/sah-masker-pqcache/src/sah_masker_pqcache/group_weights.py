"""The softmax weights that the heads of a group give a key together, by joint code."""

from __future__ import annotations

import torch
from torch import Tensor

from sah_core.compiled.available import compiles

__all__ = ["group_weights"]

LEAST = 2.0**-960
"""A sum of weights below it may have lost some of them to underflow, which is at 2^-1022."""


def group_weights(logits: Tensor, counts: Tensor) -> Tensor:
    """The logarithm of the group's summed softmax(logits) of each code that open keys have, float32 (b, hkv, q, codes).

    ``logits`` (b, hkv, g, q, codes), and how many keys have a code, ``counts`` (b, hkv, 1 or q, codes): a key of code c
    has the weight exp(logit_c) / (sum over codes of count exp(logit)). -inf for a code that no key has. In double
    precision, rounded at the end, so that keys of equal weight stay equal. A head with NaN among its logits has no say.
    """
    sums = _sums_by_loop(logits, counts) if compiles(logits) else _sums(logits, counts)
    found = sums.log()
    lost = (sums < LEAST) & (counts > 0)
    if bool(lost.any()):
        found = torch.where(lost, _by_logarithms(logits, counts), found)
    return found.float()


def _sums(logits: Tensor, counts: Tensor) -> Tensor:
    """The sum of the heads' weights of each code, float64 (b, hkv, q, codes)."""
    powers, _ = _powers(logits, counts)
    totals = (powers * counts.unsqueeze(2)).sum(-1, keepdim=True)
    return (powers / totals).nan_to_num_(nan=0).sum(2)


def _sums_by_loop(logits: Tensor, counts: Tensor) -> Tensor:
    """`_sums` by a compiled loop."""
    from sah_core.compiled.memory import array
    from sah_core.compiled.over_rows import over_rows

    from .loops import sum_weights

    b, hkv, _, q, codes = logits.shape
    sums = torch.empty((b, hkv, q, codes), dtype=torch.float64, device=logits.device)
    arrays = map(array, (logits.contiguous(), counts.contiguous(), sums))
    over_rows(sum_weights, b * hkv * q, logits.numel(), *arrays)
    return sums


def _by_logarithms(logits: Tensor, counts: Tensor) -> Tensor:
    """The logarithms of `_sums`, however small those are."""
    powers, shifted = _powers(logits, counts)
    totals = (powers * counts.unsqueeze(2)).sum(-1, keepdim=True)
    return (shifted - totals.log()).nan_to_num_(nan=-torch.inf).logsumexp(2)


def _powers(logits: Tensor, counts: Tensor) -> tuple[Tensor, Tensor]:
    """exp(logit - the head's largest) of codes that keys have, and its logarithm; NaN where that is infinite."""
    open_logits = logits.double().masked_fill(counts.unsqueeze(2) == 0, -torch.inf)
    shifted = open_logits.sub_(open_logits.amax(-1, keepdim=True))
    return shifted.exp(), shifted
