"""The units with the largest scores, exactly, without sorting all of them.

Sorting is what a selection costs. Of n scores cut into parts, the k-th largest of the parts' maxima is a bound that at
least k scores reach, and few more: only those are sorted.
"""

from __future__ import annotations

import math

import torch
from torch import Tensor

from sah_core.compiled.available import compiles
from sah_core.finite import all_finite
from sah_core.mask import IndexRows
from sah_core.mask.storage import expand_rows

from .open_units import OpenUnits

__all__ = ["at_least", "gathered_table", "largest", "nth_largest"]

PARTS = (32, 16, 8, 4)
"""Scores a maximum is of: the most that leave half as many maxima again as units are wanted."""
FEW = 4096
"""Units up to which all are sorted."""


def largest(scores: Tensor, wanted: Tensor | int, opened: OpenUnits) -> IndexRows:
    """The ``wanted`` open units with the largest scores of each row; equal scores: the lower unit first.

    ``scores`` (b, rows, q, units) floating; ``wanted`` int64, broadcastable to (b, rows, q), or one number for all: a
    row with fewer open units takes them all. NaN counts as the largest, so that attention will find and name it.
    """
    if isinstance(wanted, int):
        counts = opened.counts.clamp(max=wanted)
    else:
        counts = torch.minimum(wanted.expand(opened.shape), opened.counts)
    most, units = int(counts.max()), scores.shape[3]
    if most == 0:
        return IndexRows(counts.new_empty((*counts.shape, 0)), counts, None, units)
    if scores.dtype == torch.float32 and compiles(scores):
        return _by_loop(scores, counts, most, opened)
    flat_counts = counts.reshape(-1)
    ranked = opened.hide(scores, -math.inf).reshape(-1, units)
    table, columns = _shortened(ranked, most)
    nth = nth_largest(table, flat_counts, most)
    if not all_finite(nth):
        # An open unit comes before any that is not, even with a score of -inf; and NaN before all.
        clean = scores.nan_to_num(nan=math.inf, posinf=math.inf, neginf=torch.finfo(scores.dtype).min)
        table, columns = opened.hide(clean, -math.inf).reshape(-1, units), None
        nth = nth_largest(table, flat_counts, most)
    chosen = at_least(table, nth, flat_counts)
    if columns is None:
        columns = torch.arange(units, device=scores.device).expand_as(chosen)
    return IndexRows.from_list(columns.masked_select(chosen), counts, units)


def _by_loop(scores: Tensor, counts: Tensor, most: int, opened: OpenUnits) -> IndexRows:
    """What `largest` gives of float32 scores on the CPU, by a compiled loop."""
    from sah_core.compiled.memory import array
    from sah_core.compiled.over_rows import over_rows
    from sah_core.compiled.select import choose

    rows, units = counts.numel(), scores.shape[3]
    if opened.closed is None:
        closed, cells = counts.new_empty((rows, 0)), opened.of_rows().reshape(rows, units)
    else:
        closed = expand_rows(opened.closed.indices, opened.shape).reshape(rows, -1)
        cells = torch.empty((0, units), dtype=torch.bool, device=counts.device)
    chosen = counts.new_empty((*counts.shape, most))
    tensors = (scores.reshape(rows, units), closed, cells, counts.reshape(rows), chosen.view(rows, most))
    over_rows(choose, rows, scores.numel(), *map(array, tensors))
    return IndexRows(chosen, counts, None, units)


def _part(units: int, most: int) -> int | None:
    """How many scores a maximum is to be of; None where units are few, or many of them are wanted."""
    return None if units <= FEW else next((size for size in PARTS if 2 * (units // size) >= 3 * most), None)


def _shortened(ranked: Tensor, most: int) -> tuple[Tensor, Tensor | None]:
    """Of ``ranked`` (r, units) a table (r, w) that holds the ``most`` largest of each row, and their columns in order.

    Padded with -inf and the number of units; the scores themselves and None where they are few or many are wanted.
    """
    units = ranked.shape[1]
    part = _part(units, most)
    if part is None:
        return ranked, None
    # The part of a maximum is every so manieth score: that reads memory in order.
    whole = units // part * part
    maxima = ranked[:, :whole].view(-1, part, whole // part).amax(1)
    maxima = maxima.nan_to_num(nan=math.inf, posinf=math.inf, neginf=-math.inf)
    bound = maxima.topk(most, sorted=False).values.amin(-1, keepdim=True)
    return gathered_table(ranked, (ranked < bound).logical_not_())  # so that NaN is among them


def nth_largest(values: Tensor, counts: Tensor, most: int) -> Tensor:
    """The ``counts``-th largest value of each row of (r, n), (r, 1); inf for a count of 0."""
    if int(counts.min()) == most:
        return values.topk(most, sorted=False).values.amin(-1, keepdim=True)
    ordered = values.topk(most).values
    nth = ordered.gather(-1, (counts - 1).clamp(min=0).unsqueeze(-1))
    return nth.masked_fill(counts.unsqueeze(-1) == 0, math.inf)


def at_least(values: Tensor, nth: Tensor, counts: Tensor) -> Tensor:
    """The ``counts`` largest of each row of (r, n), given the last of them, bool (r, n); the first of equal ones."""
    chosen = (values < nth).logical_not_()  # with NaN
    if int(chosen.sum()) == int(counts.sum()):
        return chosen
    ties = values == nth
    above = chosen & ~ties
    allowed = counts - above.sum(-1)
    return above | (ties & (ties.cumsum(-1) <= allowed.unsqueeze(-1)))


def gathered_table(values: Tensor, cells: Tensor) -> tuple[Tensor, Tensor]:
    """The values of (r, n) at the true cells of each row, in order, and their columns; padded with -inf and n."""
    rows, width = cells.shape
    places = cells.reshape(-1).nonzero().squeeze(-1)
    starts = torch.searchsorted(places, torch.arange(rows + 1, device=cells.device) * width)
    counts = starts.diff()
    held = torch.arange(int(counts.max()), device=cells.device) < counts.unsqueeze(-1)
    table = values.new_full(held.shape, -math.inf).masked_scatter_(held, values.reshape(-1).index_select(0, places))
    columns = torch.full(held.shape, width, dtype=torch.int64, device=cells.device)
    return table, columns.masked_scatter_(held, places % width)
