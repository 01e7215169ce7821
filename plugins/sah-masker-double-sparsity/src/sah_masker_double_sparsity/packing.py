"""Small whole numbers in few bytes."""

from __future__ import annotations

import torch
from torch import Tensor
from torch.nn.functional import pad

__all__ = ["pack", "unpack"]


def pack(codes: Tensor, bits: int) -> Tensor:
    """Whole numbers (..., n) in [0, 2^bits), bits from 1 to 15, as bytes (..., ceil(n / fields)).

    A byte holds 8, 4 or 2 fields for 1, 2 or 3 to 4 bits, and one for 5 to 8, the first number in its lowest bits;
    more bits take an int16 a number.
    """
    width = _field_width(bits)
    if width == 16:
        return codes.to(torch.int16)
    fields = 8 // width
    filled = pad(codes.long(), (0, -codes.shape[-1] % fields))
    rows = filled.reshape(*codes.shape[:-1], filled.shape[-1] // fields, fields)
    return torch.sum(rows << torch.arange(0, 8, width, device=codes.device), -1).to(torch.uint8)


def unpack(packed: Tensor, bits: int, n: int) -> Tensor:
    """The numbers (..., n) that `pack` was given, uint8 or int16."""
    width = _field_width(bits)
    if width == 16:
        return packed
    shifts = torch.arange(0, 8, width, dtype=torch.uint8, device=packed.device)
    fields = torch.bitwise_and(packed.unsqueeze(-1) >> shifts, 2**width - 1)
    return fields.flatten(-2)[..., :n]


def _field_width(bits: int) -> int:
    return next(width for width in (1, 2, 4, 8, 16) if width >= bits)
