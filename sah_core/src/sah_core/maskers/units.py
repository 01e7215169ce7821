"""Units of keys: single keys, or pages of several in a row, counted from each batch row's first token."""

from __future__ import annotations

import torch
from attrs import frozen
from torch import Tensor

from sah_core.inputs import AttentionInputs
from sah_core.mask import IndexRows

__all__ = ["Units"]


@frozen(eq=False)
class Units:
    """Which unit each key belongs to.

    A batch row's units begin at its first token, so that left padding moves them along: a page of 4 holds tokens 0 to
    3, the next one 4 to 7. Behind padding the first ones may hold no token. ``shift`` int64 (b or 1, 1, 1, 1): how many
    columns each row is moved by, so that column j belongs to unit (j + shift) // size.
    """

    size: int
    count: int
    keys: int
    shift: Tensor

    @classmethod
    def of(cls, inputs: AttentionInputs, size: int) -> Units:
        """The units of so many keys in an attention call."""
        keys = inputs.shape[3]
        if size == 1:
            shift = torch.zeros((1, 1, 1, 1), dtype=torch.int64, device=inputs.device)
        else:
            shift = page_shift(inputs.padding_columns, size).reshape(-1, 1, 1, 1)
        return cls(size, -(-(keys + size - 1) // size), keys, shift)

    @property
    def unit_of(self) -> Tensor:
        """The unit of every column, int64 (b or 1, 1, 1, k)."""
        return self.number(torch.arange(self.keys, device=self.shift.device).reshape(1, 1, 1, -1))

    def number(self, keys: Tensor) -> Tensor:
        """The units of key columns (b or 1, h, q, m); a column past the last has one past the last unit, or more."""
        return keys if self.size == 1 else (keys + self.shift) // self.size

    def sizes(self, keys: int) -> Tensor:
        """How many of ``keys`` columns each unit holds, int64 (b or 1, 1, 1, units)."""
        first = torch.arange(self.count, device=self.shift.device) * self.size - self.shift
        return ((first + self.size).clamp(max=keys) - first.clamp(min=0)).clamp(min=0)

    def columns(self, units: IndexRows, keys: int) -> IndexRows:
        """The key columns of units in stored rows (b, h, q), in order."""
        if self.size == 1:
            return units
        inside = torch.arange(self.size, device=self.shift.device)
        first = units.indices * self.size - self.shift  # (b, h, q, m)
        columns = (first.unsqueeze(-1) + inside).flatten(-2)
        real = units.valid.repeat_interleave(self.size, -1) & (columns >= 0) & (columns < keys)
        counts = real.sum(-1)
        rows = IndexRows(torch.where(real, columns, keys), counts, None, keys)
        if int(counts.min()) == columns.shape[-1]:
            return rows
        # What is not real follows the columns, but for what would come before the first one.
        return rows.keep(real) if bool((columns[..., 0] < 0).any()) else rows.trimmed()

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
        b = max(values.shape[0], self.shift.shape[0])
        values = values.expand(b, -1, -1, -1)
        units = values.new_full((*values.shape[:3], self.count), empty)
        return units.scatter_reduce_(-1, self.unit_of.expand(values.shape), values, "amax")


def page_shift(padding_columns: Tensor, size: int) -> Tensor:
    """How many keys short of a whole number of pages each row's padding is, (b,): 0 where there is none."""
    return -padding_columns % size
