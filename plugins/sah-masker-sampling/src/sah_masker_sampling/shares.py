"""A share of a count, exactly."""

from __future__ import annotations

from collections.abc import Callable
from fractions import Fraction

import torch
from torch import Tensor

__all__ = ["share_of"]


def share_of(counts: Tensor, share: float, rounded: Callable[[Fraction], int]) -> Tensor:
    """``rounded(share * n)`` for every count n, int64, the share read as the decimal that was written.

    So 0.1 of 30 keys is 3 rounded up, too, where floating point has 3.0000000000000004.
    """
    exact = Fraction(str(share))
    flat = counts.flatten().tolist()
    sizes = {n: rounded(exact * n) for n in set(flat)}
    return torch.tensor([sizes[n] for n in flat], dtype=torch.int64, device=counts.device).reshape(counts.shape)
