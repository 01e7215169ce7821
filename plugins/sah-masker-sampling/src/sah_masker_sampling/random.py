"""Uniform random sampling."""

from __future__ import annotations

import math

import torch
from torch import Tensor

from sah_core import AttentionInputs, Mask, Residual, SamplingMasker

from . import RandomConfig
from .shares import share_of

__all__ = ["Random"]


class Random(SamplingMasker[RandomConfig]):
    """Draw a share ``rate`` of each row's n residual keys, all with the same probability.

    ``without_replacement``: simple random sampling of exactly b = ceil(rate n) keys, pi = b / n. Its estimate of a sum
    over the residual has variance n^2 (1 - b / n) S^2 / b, S^2 being the variance of the summands (Cochran 1977,
    theorem 2.2). ``bernoulli``: each key independently, pi = rate; how many are drawn varies.
    """

    def inclusion(self, inputs: AttentionInputs, residual: Residual) -> Tensor:
        """pi = rate, or b / n: float64, broadcastable to (b, rows, q, k)."""
        if self.config.mode == "bernoulli":
            return torch.full((1, 1, 1, 1), self.config.rate, dtype=torch.float64, device=inputs.device)
        n = residual.counts
        return (self._size(n).double() / n.clamp(min=1)).unsqueeze(-1)

    def draw(self, inputs: AttentionInputs, residual: Residual) -> Mask:
        """Each key independently, or the first b keys in random order."""
        if self.config.mode == "bernoulli":
            return super().draw(inputs, residual)
        sample = residual.in_random_order().first(self._size(residual.counts))
        return Mask(inputs.shape, sample.weighed(self.inclusion(inputs, residual)))

    def _size(self, n: Tensor) -> Tensor:
        """b = ceil(rate n)."""
        return share_of(n, self.config.rate, math.ceil)
