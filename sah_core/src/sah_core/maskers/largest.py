"""The units with the largest scores, exactly, without sorting all of them.

Sorting is what a selection costs: a threshold that a sample of the scores says a few too many exceed leaves little to
sort. What is chosen does not depend on the sample.
"""

from __future__ import annotations

import math

import torch
from torch import Tensor

from sah_core.mask import IndexRows

from .open_units import OpenUnits

__all__ = ["largest", "smallest_first"]

STRIDE = 16
"""Every so manieth score is sampled."""
FEW = 4096
"""Units up to which sampling does not pay."""


def largest(scores: Tensor, wanted: Tensor, opened: OpenUnits) -> IndexRows:
    """The ``wanted`` open units with the largest scores of each row; equal scores: the lower unit first.

    ``scores`` (b, rows, q, units) floating; ``wanted`` int64, broadcastable to (b, rows, q): a row with fewer open
    units takes them all. NaN counts as the largest, so that attention will find and name it.
    """
    counts = torch.minimum(wanted.expand(opened.shape), opened.counts)
    most, total = int(counts.max()), int(counts.sum())
    units = scores.shape[3]
    if most == 0:
        return IndexRows(counts.new_empty((*counts.shape, 0)), counts, None, units)
    flat_counts = counts.reshape(-1)
    ranked = opened.hide(scores, -math.inf).reshape(-1, units)
    if units > FEW and most * 8 <= units:
        found = _by_sample(ranked, flat_counts, most, total)
        if found is not None:
            return IndexRows.from_pairs(found[0], found[1], counts, units)
    nth = _nth(ranked, flat_counts, most)
    if not bool(nth.isfinite().all()):
        # An open unit comes before any that is not, even with a score of -inf.
        lowest = torch.finfo(scores.dtype).min
        clean = scores.nan_to_num(nan=math.inf, posinf=math.inf, neginf=lowest)
        ranked = opened.hide(clean, -math.inf).reshape(-1, units)
        nth = _nth(ranked, flat_counts, most)
    row, unit = _at_least(ranked, nth, flat_counts).nonzero(as_tuple=True)
    return IndexRows.from_pairs(row, unit, counts, units)


def smallest_first(numbers: Tensor, sizes: Tensor, counts: Tensor) -> Tensor:
    """The units with the smallest numbers of each row, smallest first: int64 (b, rows, q, largest size).

    ``numbers`` float64 (b, rows, q, units), of which ``counts`` int64 (b, rows, q) are uniform on [0, 1) and the others
    1; ``sizes`` int64, how many of a row are wanted. What follows a row's size is of no use.
    """
    most, units = int(sizes.max()), numbers.shape[3]
    flat = numbers.reshape(-1, units)
    bound = (sizes + 6 * sizes.double().sqrt() + 8) / counts.clamp(min=1)  # exceeded by fewer once in 1e9 draws
    if units > FEW and float(bound.max()) < 0.5:
        row, unit, starts = _pairs(flat < bound.reshape(-1, 1))
        found = starts.diff()
        if bool((found >= sizes.reshape(-1)).all()):
            padded = _padded(flat[row, unit], row, starts, math.inf)
            order = padded.argsort(dim=-1, stable=True)[:, :most] + starts[:-1].unsqueeze(-1)
            return unit[order.clamp(max=unit.numel() - 1)].reshape(*sizes.shape, most)
    return numbers.argsort(dim=-1, stable=True)[..., :most]


def _by_sample(ranked: Tensor, counts: Tensor, most: int, total: int) -> tuple[Tensor, Tensor] | None:
    """Row and unit of each of the ``counts`` (r,) largest of ``ranked`` (r, units), in order; None: sort instead."""
    expected = most / STRIDE
    rank = math.ceil(expected + 4 * math.sqrt(expected)) + 2
    sample = ranked[:, ::STRIDE].nan_to_num(nan=math.inf, posinf=math.inf, neginf=-math.inf)
    enough = sample.topk(min(rank, sample.shape[1]), sorted=False).values.amin(-1, keepdim=True)
    row, unit, starts = _pairs((ranked < enough).logical_not_())  # so that NaN is among them
    if bool((starts.diff() < counts).any()):
        return None
    values = ranked[row, unit].nan_to_num(nan=math.inf, posinf=math.inf, neginf=-math.inf)
    padded = _padded(values, row, starts, -math.inf)
    nth = _nth(padded, counts, most)
    if bool((nth == -math.inf).any()):
        return None
    keep = values >= nth[row, 0]
    if int(keep.sum()) > total:  # ties
        above = values > nth[row, 0]
        allowed = counts - torch.bincount(row[above], minlength=counts.numel())
        ties = (keep & ~above).cumsum(0)
        before = torch.where(starts[:-1] > 0, ties[starts[:-1].clamp(min=1) - 1], 0)
        keep = above | (keep & (ties - before[row] <= allowed[row]))
    return row[keep], unit[keep]


def _nth(values: Tensor, counts: Tensor, most: int) -> Tensor:
    """The ``counts``-th largest value of each row of (r, n), (r, 1); inf for a count of 0."""
    if int(counts.min()) == most:
        return values.topk(most, sorted=False).values.amin(-1, keepdim=True)
    ordered = values.topk(most).values
    nth = ordered.gather(-1, (counts - 1).clamp(min=0).unsqueeze(-1))
    return nth.masked_fill(counts.unsqueeze(-1) == 0, math.inf)


def _at_least(values: Tensor, nth: Tensor, counts: Tensor) -> Tensor:
    """The ``counts`` largest of each row of (r, n), given the last of them, bool (r, n); the first of equal ones."""
    above, ties = values > nth, values == nth
    allowed = counts - above.sum(-1)
    return above | (ties & (ties.cumsum(-1) <= allowed.unsqueeze(-1)))


def _pairs(cells: Tensor) -> tuple[Tensor, Tensor, Tensor]:
    """Row and column of the true cells of (r, n), in order, and where each row starts among them, (r + 1,)."""
    rows, width = cells.shape
    places = cells.reshape(-1).nonzero().squeeze(-1)
    starts = torch.searchsorted(places, torch.arange(rows + 1, device=cells.device) * width)
    row = places // width
    return row, places - row * width, starts


def _padded(values: Tensor, row: Tensor, starts: Tensor, filler: float) -> Tensor:
    """A list of values by ``row`` as a table (r, most of a row)."""
    width = int(starts.diff().max())
    table = values.new_full((starts.numel() - 1, width), filler)
    table.view(-1)[torch.arange(values.numel(), device=values.device) - starts[row] + row * width] = values
    return table
