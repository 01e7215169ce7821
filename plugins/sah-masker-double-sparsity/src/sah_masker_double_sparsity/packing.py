"""Small whole numbers in few bytes."""

from __future__ import annotations

import torch
from torch import Tensor
from torch.nn.functional import pad

__all__ = ["field_width", "fields_of", "pack", "planes"]


def field_width(bits: int) -> int:
    """How many bits `pack` gives a number of so many."""
    return next(width for width in (1, 2, 4, 8, 16) if width >= bits)


def fields_of(bits: int) -> int:
    """How many numbers of so many bits `pack` puts in a byte; 1 where one takes a byte, or two."""
    return max(1, 8 // field_width(bits))


def pack(codes: Tensor, bits: int) -> Tensor:
    """Whole numbers (..., n) in [0, 2^bits), bits from 1 to 15, as bytes (..., ceil(n / fields)).

    A byte holds 8, 4 or 2 fields for 1, 2 or 3 to 4 bits, and one for 5 to 8, the first number in its lowest bits;
    more bits take an int16 a number.
    """
    width = field_width(bits)
    if width == 16:
        return codes.to(torch.int16)
    fields = 8 // width
    filled = pad(codes.long(), (0, -codes.shape[-1] % fields))
    rows = filled.reshape(*codes.shape[:-1], filled.shape[-1] // fields, fields)
    return torch.sum(rows << torch.arange(0, 8, width, device=codes.device), -1).to(torch.uint8)


def planes(packed: Tensor, bits: int) -> list[Tensor]:
    """The numbers that `pack` was given, elementwise: the first field of every byte, then the second, and so on.

    With f fields a byte, plane i, uint8 or int16 of packed's shape, holds the numbers i, i + f, i + 2 f, ... of each
    row, and 0 past the last. They are not put in order: what they are multiplied with can be, at less cost.
    """
    width = field_width(bits)
    if width >= 8:
        return [packed]
    shifted = [packed, *(packed >> shift for shift in range(width, 8, width))]
    return [*(torch.bitwise_and(field, 2**width - 1) for field in shifted[:-1]), shifted[-1]]
