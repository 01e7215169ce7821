"""The softmax weights that the heads of a group give a key together, by joint code."""

from __future__ import annotations

import torch
from torch import Tensor

from sah_core.compiled.available import compiles

__all__ = ["group_weights"]

LEAST = 2.0**-960
"""A sum of weights below it may lack some of them: those below 2^-1022."""


def group_weights(logits: Tensor, counts: Tensor) -> Tensor:
    """The logarithm of the group's summed softmax(logits) of each code that open keys have, float32 (b, hkv, q, codes).

    ``logits`` (b, hkv, g, q, codes), and how many keys have a code, ``counts`` (b, hkv, 1 or q, codes): a key of code c
    has the weight exp(logit_c) / (sum over codes of count exp(logit)). -inf for a code that no key has. In double
    precision, rounded at the end, so that keys of equal weight stay equal. A head whose largest logit is NaN or
    infinite has no say.
    """
    single = logits.dtype == torch.float32
    found = _by_loop(logits, counts) if single and compiles(logits) else _by_sums(logits, counts)
    lost = found.isnan()
    return torch.where(lost, _by_logarithms(logits, counts), found) if bool(lost.any()) else found


def _by_sums(logits: Tensor, counts: Tensor) -> Tensor:
    """`group_weights` with one exponential a logit; NaN where a sum of weights is less than `LEAST`."""
    powers, _ = _powers(logits, counts)
    totals = (powers * counts.unsqueeze(2)).sum(-1, keepdim=True)
    sums = (powers / totals).nan_to_num_(nan=0).sum(2)  # (b, hkv, q, codes)
    return sums.log().masked_fill_((sums < LEAST) & (counts > 0), torch.nan).float()


def _by_loop(logits: Tensor, counts: Tensor) -> Tensor:
    """`_by_sums` by a compiled loop."""
    from sah_core.compiled.memory import array
    from sah_core.compiled.over_rows import over_rows

    from .loops import weigh

    b, hkv, _, q, codes = logits.shape
    found = logits.new_empty((b, hkv, q, codes))
    arrays = (array(logits.contiguous()), array(counts.contiguous()))
    over_rows(weigh, b * hkv * q, logits.numel(), *arrays, LEAST, array(found))
    return found


def _by_logarithms(logits: Tensor, counts: Tensor) -> Tensor:
    """`group_weights` with a logarithm and an exponential more for each logit, by which no weight is lost."""
    powers, shifted = _powers(logits, counts)
    totals = (powers * counts.unsqueeze(2)).sum(-1, keepdim=True)
    return (shifted - totals.log()).nan_to_num_(nan=-torch.inf).logsumexp(2).float()


def _powers(logits: Tensor, counts: Tensor) -> tuple[Tensor, Tensor]:
    """exp(logit - the head's largest) of codes that keys have, and its logarithm; NaN where that is infinite."""
    open_logits = logits.double().masked_fill(counts.unsqueeze(2) == 0, -torch.inf)
    shifted = open_logits.sub_(open_logits.amax(-1, keepdim=True))
    return shifted.exp(), shifted
