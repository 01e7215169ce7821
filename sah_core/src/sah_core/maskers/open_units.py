"""What a row may still take: the units of keys, or the keys, that are visible and not taken yet."""

from __future__ import annotations

from functools import cached_property
from math import lcm

import torch
from attrs import frozen
from torch import Tensor

from sah_core.grouped_heads import by_group
from sah_core.inputs import AttentionInputs
from sah_core.mask import IndexRows, Mask
from sah_core.mask.storage import Rows, expand_rows

from .units import Units

__all__ = ["OpenUnits"]


@frozen(eq=False, slots=False)
class OpenUnits:
    """For each row the units that hold a visible key that is not taken: all but the ``closed`` ones, or its ``cells``.

    Rows are as coarse as what they were made from: a sink and a window that all heads have close the same units in one
    row for all of them, and where every key is visible no tensor of rows x keys is made.
    """

    shape: Rows
    """Batch, heads and queries that the rows serve."""
    count: int
    """How many units there are."""
    closed: IndexRows | None
    """The units that are not open, in stored rows; None where that is told by cells."""
    _cells: Tensor | None

    @classmethod
    def of(cls, inputs: AttentionInputs, units: Units, taken: Mask) -> OpenUnits:
        """The units of these inputs that hold a visible key outside ``taken``, one row a query head."""
        rows = inputs.shape[:3]
        if inputs.unmasked and units.size == 1:
            return cls(rows, units.count, taken.index_rows(inputs.device), None)
        if inputs.unmasked:
            return cls(rows, units.count, None, _not_full(units, taken.index_rows(inputs.device), inputs.shape[3]))
        held = taken.dense_rows(inputs.device) > 0
        heads = lcm(held.shape[1], inputs.visible.shape[1])
        b, q = rows[0], rows[2]
        cells = expand_rows(inputs.visible, (b, heads, q)) & ~expand_rows(held, (b, heads, q))
        return cls(rows, units.count, None, units.any_of(cells))

    def of_groups(self, heads: int) -> OpenUnits:
        """The same for ``heads`` rows: open is what is open in any of the heads that a row serves."""
        shape = (self.shape[0], heads, self.shape[2])
        if self.closed is not None:
            return OpenUnits(shape, self.count, _in_all(self.closed, heads), None)
        cells = self.cells
        if heads % cells.shape[1]:
            fine = lcm(cells.shape[1], heads)
            cells = by_group(expand_rows(cells, (cells.shape[0], fine, cells.shape[2])), heads).any(2)
        return OpenUnits(shape, self.count, None, cells)

    @cached_property
    def cells(self) -> Tensor:
        """Which units are open, bool (1 or b, a divisor of the heads, 1 or q, units)."""
        if self._cells is not None:
            return self._cells
        assert self.closed is not None  # one of the two is there
        return self.closed.to_dense() == 0

    @cached_property
    def counts(self) -> Tensor:
        """How many units are open to each row, int64 (b, heads, q)."""
        if self.closed is None:
            return expand_rows(self.cells.sum(-1), self.shape)
        return expand_rows(self.count - self.closed.counts, self.shape)

    def of_rows(self) -> Tensor:
        """`cells` of every row, bool (b, heads, q, units)."""
        return expand_rows(self.cells, self.shape)

    def contains(self, rows: IndexRows) -> Tensor:
        """Which entries of ``rows``, stored for (b, heads, q), are open units; bool (b, heads, q, m)."""
        wanted = rows.expand(self.shape)
        if self.closed is not None:
            return (self.closed.expand(self.shape).at(wanted.indices) == 0) & wanted.valid
        place = wanted.indices.clamp(max=self.count - 1)
        return self.of_rows().gather(-1, place) & wanted.valid

    def hide(self, values: Tensor, hidden: float) -> Tensor:
        """``values`` (b, heads, q, units) in memory of their own, with ``hidden`` where a unit is not open."""
        if self.closed is None:
            return values.masked_fill(~self.cells_like(values), hidden)
        closed = self.closed
        if closed.indices.shape[-1] == 0:
            return values.clone()
        # Padding stands for the row's first closed unit once more; a row without any is left to the cells.
        if int(closed.counts.min()) == 0:
            return values.masked_fill(~self.cells_like(values), hidden)
        units = torch.where(closed.valid, closed.indices, closed.indices[..., :1])
        return values.scatter(-1, expand_rows(units, self.shape), hidden)

    def cells_like(self, values: Tensor) -> Tensor:
        """`cells` that broadcast to ``values`` (b, heads, q, units)."""
        cells = self.cells
        return cells if cells.shape[1] in (1, values.shape[1]) else expand_rows(cells, self.shape)


def _not_full(units: Units, taken: IndexRows, keys: int) -> Tensor:
    """Where every key is visible: which units hold a key that is not taken, bool (b, stored heads, stored q, units)."""
    sizes = units.sizes(keys)  # (b or 1, 1, 1, units)
    if taken.indices.shape[-1] == 0:
        return sizes > 0
    b = max(sizes.shape[0], taken.rows[0])
    stored = taken.expand((b, taken.rows[1], taken.rows[2]))
    held = torch.zeros((*stored.counts.shape, units.count + 1), dtype=torch.int64, device=taken.indices.device)
    place = torch.where(stored.valid, units.number(stored.indices), units.count)
    held.scatter_add_(-1, place, torch.ones_like(place))
    return held[..., : units.count] < sizes


def _in_all(closed: IndexRows, heads: int) -> IndexRows:
    """The units that are closed in each of the stored heads that one of ``heads`` rows serves."""
    if heads % closed.rows[1] == 0:
        return closed
    fine = lcm(closed.rows[1], heads)
    b, _, q = closed.rows
    group = by_group(closed.expand((b, fine, q)).indices, heads)  # (b, heads, g, q, m)
    size = group.shape[2]
    ordered = group.transpose(2, 3).flatten(3).sort(-1).values  # (b, heads, q, g * m)
    # A unit stands in the group's rows once a head, so as often as the group is large if in all of them.
    width = max(ordered.shape[-1] - size + 1, 0)
    everywhere = ordered[..., :width] == ordered[..., size - 1 :]
    rows = IndexRows(ordered[..., :width], everywhere.sum(-1), None, closed.keys)
    return rows.keep(everywhere)
