"""Units of keys: single keys, or pages of several in a row, counted from each batch row's first token."""

from __future__ import annotations

import torch
from attrs import frozen
from torch import Tensor

from sah_core.inputs import AttentionInputs

__all__ = ["Units"]


@frozen(eq=False)
class Units:
    """Which unit each key belongs to.

    A batch row's units begin at its first token, so that left padding moves them along: a page of 4 holds tokens 0 to
    3, the next one 4 to 7. ``unit_of`` int64 (b or 1, 1, 1, k) numbers them by column: behind padding the first ones
    may hold no token.
    """

    size: int
    count: int
    unit_of: Tensor

    @classmethod
    def of(cls, inputs: AttentionInputs, size: int) -> Units:
        """The units of so many keys in an attention call."""
        keys = inputs.shape[3]
        shift = page_shift(inputs.padding_columns, size).reshape(-1, 1, 1, 1)
        column = torch.arange(keys, device=inputs.device)
        return cls(size, -(-(keys + size - 1) // size), (column + shift) // size)

    def any_of(self, cells: Tensor) -> Tensor:
        """Which units hold a true cell: bool (b or 1, h, q, k) to (b, h, q, units)."""
        return cells if self.size == 1 else self._reduced(cells.to(torch.uint8), 0).bool()

    def largest_of(self, values: Tensor) -> Tensor:
        """The largest value in each unit, -inf where it has none: (b or 1, h, q, k) to (b, h, q, units)."""
        return values if self.size == 1 else self._reduced(values, -torch.inf)

    def keys_of(self, units: Tensor) -> Tensor:
        """Each key has what its unit has: (b, h, q, units) to (b, h, q, k)."""
        return units if self.size == 1 else units.gather(-1, self.unit_of.expand(*units.shape[:3], -1))

    def _reduced(self, values: Tensor, empty: float) -> Tensor:
        b = max(values.shape[0], self.unit_of.shape[0])
        values = values.expand(b, -1, -1, -1)
        units = values.new_full((*values.shape[:3], self.count), empty)
        return units.scatter_reduce_(-1, self.unit_of.expand(values.shape), values, "amax")


def page_shift(padding_columns: Tensor, size: int) -> Tensor:
    """How many keys short of a whole number of pages each row's padding is, (b,): 0 where there is none."""
    return -padding_columns % size
