"""vAttention: as many random keys as a promised error needs."""

from __future__ import annotations

import math
from math import lcm
from statistics import NormalDist

import torch
from torch import Tensor

from sah_core import AttentionInputs, Mask, NumericalError, Residual, SamplingMasker
from sah_core.grouped_heads import by_group
from sah_core.mask import IndexRows

from . import VAttentionConfig
from .shares import share_of

__all__ = ["VAttention"]


class VAttention(SamplingMasker[VAttentionConfig]):
    """Read a small base sample, estimate from it how many more keys the error bound needs, and draw those.

    With n_s residual keys in a row, I_f the keys kept before, and e_j = exp(s_j - m), m the largest logit read:

    1. Base sample: b0 = max(2, floor(base_rate n_s)) keys at random, certain from now on (pi = 1); n' = n_s - b0 are
       left. A row with n_s <= b0 keeps its whole residual.
    2. From the base sample: sigma^2, the variance of y_j, and T, the norm of the sum of y_j over I_f and the base
       sample + n' mean(y). For the denominator y_j = e_j, and T has the attention sink's term as well; for the
       numerator y_j = e_j v_j, and sigma^2 sums the variances of the coordinates.
    3. b' = ceil((z n' sigma / (epsilon T))^2) more keys at random, at least 1 and at most n', with pi = b' / n'; z is
       the (1 - delta / 2) quantile of the normal distribution. The estimate is then more than epsilon T off at most
       about delta of the time.

    For ``sdpa``, numerator and denominator each get epsilon / (2 + epsilon) and delta / 2, and b' is the larger of the
    two: the output is then off by at most (eps_N + eps_D) / (1 - eps_D) = epsilon. Logits are read at I_f and the base
    sample only. Heads that share a draw sample the union of their residuals: y_j = 0 for a head that keeps key j
    already, and b' is the largest of the group. Raises NumericalError where what was read is NaN or infinite.

    Source: Desai et al. 2025, arXiv:2510.05688. The base sample is not counted among the b' keys: b' depends on it, so
    the estimate would be biased.
    """

    def draw(self, inputs: AttentionInputs, residual: Residual) -> Mask:
        """The base sample, and b' more."""
        n_s = residual.counts  # (b, rows, q)
        b0 = torch.minimum(share_of(n_s, self.config.base_rate, math.floor).clamp(min=2), n_s)
        rest = n_s - b0
        # One random order serves both draws: given its first b0 keys, and all that is computed from them, the order of
        # the others is still uniform, so that the next b' are a simple random sample of them.
        order = residual.in_random_order()
        base = order.first(b0)
        more = self._more(inputs, residual, base) if bool(rest.any()) else rest
        sample = order.first(b0 + more)
        pi = (more.double() / rest.clamp(min=1)).unsqueeze(-1)
        return Mask(inputs.shape, sample.weighed(torch.where(base.at(sample.indices) > 0, 1.0, pi)))

    def _more(self, inputs: AttentionInputs, residual: Residual, sample: IndexRows) -> Tensor:
        """b' (b, rows, q), from the base sample (b, rows, q)."""
        (b, heads, q, columns), rows = inputs.shape, sample.rows[1]
        base, b0 = sample.indices, sample.counts
        rest = residual.counts - b0
        n = _of_heads(rest, heads)
        sampled = _of_heads(sample.valid, heads)
        kept, fresh = residual.kept.index_rows(inputs.device), sampled  # fresh: bool (b, hq, q, m)
        if rows % kept.rows[1]:  # what some heads of a row keep may be drawn for the others
            fresh = sampled & (kept.expand((b, heads, q)).at(_of_heads(base, heads)) == 0)
        kept = kept.expand((b, lcm(kept.rows[1], inputs.kv_heads), q))
        fixed, base = (keys.clamp(max=columns - 1) for keys in (kept.indices, base))  # padding is past the last key
        read = torch.cat([_of_heads(kept.valid, heads), fresh], -1)  # (b, hq, q, I_f + m)
        alike = fixed.shape[1] == base.shape[1]
        reads = [torch.cat([fixed, base], -1)] if alike else [fixed, base]  # rows alike are read in one go
        logits = torch.cat([inputs.logits_at(keys) for keys in reads], -1)
        logits = logits.double().masked_fill(~read, -torch.inf)
        m = logits.amax(-1, keepdim=True)
        m = torch.where(m == -torch.inf, 0.0, m)
        e = torch.exp(logits - m).unsqueeze(-1)  # (b, hq, q, I_f + m, 1)
        required = torch.zeros_like(n, dtype=torch.float64)
        epsilon, delta = self.config.epsilon, self.config.delta
        if self.config.target == "sdpa":
            epsilon, delta = epsilon / (2 + epsilon), delta / 2
        scale = NormalDist().inv_cdf(1 - delta / 2) / epsilon
        if self.config.target != "numerator":
            extra = 0.0 if inputs.sinks is None else torch.exp(inputs.sinks.double().reshape(1, -1, 1, 1) - m)
            required = torch.maximum(required, (scale * _spread(e, sampled, n, extra)) ** 2)
        if self.config.target != "denominator":
            values = torch.cat([_values_at(inputs, keys) for keys in reads], -2)
            y = e * values.double().masked_fill(~read.unsqueeze(-1), 0.0)
            required = torch.maximum(required, (scale * _spread(y, sampled, n, 0.0)) ** 2)
        if bool(required.isnan().any()):
            raise NumericalError(
                f"layer {inputs.layer_idx}: a logit or value that vattention read is NaN or infinite, so it cannot "
                "tell how many keys to draw; check the model's queries, keys and values"
            )
        largest = by_group(required, rows).amax(2)
        return torch.minimum(largest.ceil().clamp(min=1), rest.double()).long()


def _spread(y: Tensor, sampled: Tensor, n: Tensor, extra: Tensor | float) -> Tensor:
    """n sigma / T (b, hq, q) from the summands y (b, hq, q, I_f + m, c), whose last m are the base sample.

    ``sampled`` bool (b, hq, q, m); ``n`` (b, hq, q), how many keys are left; ``extra``, a certain part of T.
    """
    size = sampled.sum(-1, keepdim=True).clamp(min=2)  # fewer leave no key, and nothing to estimate
    base = y[..., -sampled.shape[-1] :, :]
    mean = base.sum(-2) / size  # (b, hq, q, c)
    variance = ((base - mean.unsqueeze(-2)) ** 2 * sampled.unsqueeze(-1)).sum((-1, -2)) / (size.squeeze(-1) - 1)
    target = (y.sum(-2) + n.unsqueeze(-1) * mean + extra).norm(dim=-1)
    return torch.where(variance == 0, variance, n * variance.sqrt() / target)


def _values_at(inputs: AttentionInputs, keys: Tensor) -> Tensor:
    """The values (b, hq, q, m, dv) at ``keys`` (b, h, q, m), h a multiple of the KV heads that divides the others."""
    rows = keys.shape[1] // inputs.kv_heads
    batch = torch.arange(inputs.shape[0], device=inputs.device).reshape(-1, 1, 1, 1)
    head = torch.arange(keys.shape[1], device=inputs.device).reshape(1, -1, 1, 1) // rows
    return _of_heads(inputs.values[batch, head, keys], inputs.shape[1])


def _of_heads(rows: Tensor, heads: int) -> Tensor:
    """Rows (b, h, ...) as (b, heads, ...): each for the consecutive heads that it serves."""
    return rows if rows.shape[1] == heads else rows.repeat_interleave(heads // rows.shape[1], 1)
