"""How likely a key is to collide with a query, from the angle between them."""

from __future__ import annotations

import math

import torch
from torch import Tensor

__all__ = ["collision_probability"]


def collision_probability(cos: Tensor, bits: int, tables: int, min_matches: int) -> Tensor:
    """The probability pi that two vectors have equal codes in at least ``min_matches`` (1 or 2) of L tables.

    ``cos`` is of the angle theta between them; pi has its shape, float64, with a relative error below 1e-7 wherever
    that of 1 - theta / pi is. The hyperplane of a normal w separates the vectors with probability theta / pi (Goemans
    and Williamson 1995), so that one table's K = ``bits`` sign bits are equal with probability p, and

        p = (1 - theta / pi)^K        at least one:  1 - (1 - p)^L
                                      at least two:  1 - (1 - p)^L - L p (1 - p)^(L - 1)
    """
    p = (1 - torch.arccos(cos.double().clamp(-1, 1)) / math.pi) ** bits
    if min_matches == 1:
        return -torch.expm1(tables * torch.log1p(-p))
    two = -torch.expm1((tables - 1) * torch.log1p(-p) + torch.log1p((tables - 1) * p))
    # Where L p is tiny the two logarithms cancel, and C(L, 2) p^2 is all there is.
    return torch.where(tables * p < 1e-8, tables * (tables - 1) / 2 * p**2, two)
