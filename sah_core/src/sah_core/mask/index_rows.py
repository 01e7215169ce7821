"""Sorted, padded rows of key positions: the sparse half of a mask."""

from __future__ import annotations

import torch
from attrs import frozen
from torch import Tensor
from torch.nn.functional import pad

from sah_core.compiled.available import compiles

from .storage import Rows, expand_rows, refinement

__all__ = ["IndexRows"]


@frozen(eq=False)
class IndexRows:
    """For each stored row the keys it attends to, in increasing order.

    ``indices`` (sb, sh, sq, m) int64: the first ``counts`` entries of a row are its keys, sorted and unique; the rest
    is padding and holds ``keys``, one past the last key, so that a padded row is sorted too.
    ``counts`` (sb, sh, sq) int64.
    ``probs`` (sb, sh, sq, m) float32 with 0 in the padding, or None where every probability is one.
    """

    indices: Tensor
    counts: Tensor
    probs: Tensor | None
    keys: int

    @classmethod
    def from_selected(cls, selected: Tensor, probs: Tensor | None = None) -> IndexRows:
        """The true cells of ``selected`` (sb, sh, sq, k) bool, with their ``probs`` of the same shape."""
        keys = selected.shape[-1]
        counts = selected.sum(-1)
        columns = torch.arange(keys, device=selected.device).expand_as(selected).masked_select(selected)
        return cls.from_list(columns, counts, keys, None if probs is None else probs.masked_select(selected))

    @classmethod
    def from_list(cls, keys_of_rows: Tensor, counts: Tensor, keys: int, probs: Tensor | None = None) -> IndexRows:
        """Rows from one list: of each row of ``counts`` (sb, sh, sq) in turn so many keys, in increasing order."""
        width = _largest(counts)
        held = None
        if keys_of_rows.numel() < counts.numel() * width:
            held = torch.arange(width, device=counts.device) < counts.unsqueeze(-1)

        def as_rows(entries: Tensor, padding: int) -> Tensor:
            if held is None:
                return entries.reshape(*counts.shape, width)
            return entries.new_full(held.shape, padding).masked_scatter_(held, entries)

        return cls(as_rows(keys_of_rows, keys), counts, None if probs is None else as_rows(probs.float(), 0), keys)

    @property
    def rows(self) -> Rows:
        """Batch, heads and queries as stored."""
        batch, heads, queries = self.counts.shape
        return batch, heads, queries

    @property
    def valid(self) -> Tensor:
        """Which entries are keys and not padding, bool (sb, sh, sq, m)."""
        return self.indices < self.keys

    def expand(self, rows: Rows) -> IndexRows:
        """The same keys, stored as more rows."""
        probs = None if self.probs is None else expand_rows(self.probs, rows)
        return IndexRows(expand_rows(self.indices, rows), expand_rows(self.counts, rows), probs, self.keys)

    def to_dense(self) -> Tensor:
        """The probabilities of all keys, float32 (sb, sh, sq, k)."""
        probs = self.valid.float() if self.probs is None else self.probs
        dense = torch.zeros((*self.counts.shape, self.keys + 1), dtype=torch.float32, device=self.indices.device)
        return dense.scatter_(-1, self.indices, probs)[..., : self.keys]

    def certain(self) -> IndexRows:
        """The same keys, each with probability one."""
        return IndexRows(self.indices, self.counts, None, self.keys)

    def weighed(self, probs: Tensor) -> IndexRows:
        """The same keys with these probabilities, broadcastable to (sb, sh, sq, m)."""
        stored = probs.to(torch.float32).expand(self.indices.shape).masked_fill(~self.valid, 0.0)
        return IndexRows(self.indices, self.counts, stored, self.keys)

    def keep(self, wanted: Tensor) -> IndexRows:
        """Only the entries where ``wanted`` (sb, sh, sq, m) bool is true."""
        wanted = wanted & self.valid
        counts = wanted.sum(-1)
        width = _largest(counts)
        place = torch.where(wanted, wanted.cumsum(-1) - 1, width)
        indices = self.indices.new_full((*counts.shape, width + 1), self.keys).scatter_(-1, place, self.indices)
        probs = None
        if self.probs is not None:
            probs = self.probs.new_zeros((*counts.shape, width + 1)).scatter_(-1, place, self.probs)[..., :width]
        return IndexRows(indices[..., :width], counts, probs, self.keys)

    def union(self, other: IndexRows) -> IndexRows:
        """The keys of both; at a key of both, the larger probability."""
        rows = refinement(self.rows, other.rows)
        one, two = self.expand(rows), other.expand(rows)
        if self.indices.device.type == "cpu" and compiles():
            return _merged(one, two)
        indices = torch.cat([one.indices, two.indices], -1)
        if one.probs is None and two.probs is None:
            indices, probs = indices.sort(-1).values, None
        else:
            indices, order = indices.sort(dim=-1, stable=True)
            probs = torch.cat([_probs(one), _probs(two)], -1).gather(-1, order)
        again = (indices[..., 1:] == indices[..., :-1]) & (indices[..., 1:] < self.keys)
        both = IndexRows(indices, one.counts + two.counts, probs, self.keys)
        if not bool(again.any()):
            return both.trimmed()
        if probs is not None:
            following = torch.where(again, probs[..., 1:], 0.0)
            probs = torch.cat([torch.maximum(probs[..., :-1], following), probs[..., -1:]], -1)
            both = IndexRows(indices, both.counts, probs, self.keys)
        return both.keep(~pad(again, (1, 0)))

    def trimmed(self) -> IndexRows:
        """The same rows without the columns that are padding in all of them."""
        width = _largest(self.counts)
        if width == self.indices.shape[-1]:
            return self
        probs = None if self.probs is None else self.probs[..., :width]
        return IndexRows(self.indices[..., :width], self.counts, probs, self.keys)

    def at(self, keys: Tensor) -> Tensor:
        """The probability at each position of ``keys`` (sb, sh, sq, n) int64, 0 where a row lacks it; float32."""
        if self.indices.shape[-1] == 0:
            return torch.zeros(keys.shape, dtype=torch.float32, device=keys.device)
        place = torch.searchsorted(self.indices.contiguous(), keys.contiguous())
        place = place.clamp(max=self.indices.shape[-1] - 1)
        found = (self.indices.gather(-1, place) == keys) & (keys < self.keys)
        return found.float() if self.probs is None else self.probs.gather(-1, place) * found

    def to(self, device: torch.device | str) -> IndexRows:
        """The same rows on another device."""
        probs = None if self.probs is None else self.probs.to(device)
        return IndexRows(self.indices.to(device), self.counts.to(device), probs, self.keys)


def _merged(one: IndexRows, other: IndexRows) -> IndexRows:
    """The union of two equally many rows, by a compiled loop."""
    from sah_core.compiled.memory import array
    from sah_core.compiled.merge import merge
    from sah_core.compiled.over_rows import over_rows

    count, shape = one.counts.numel(), (*one.counts.shape, one.indices.shape[-1] + other.indices.shape[-1])
    indices, counts = one.indices.new_empty(shape), torch.empty_like(one.counts, memory_format=torch.contiguous_format)
    certain = one.probs is None and other.probs is None
    probs = torch.empty((0,) if certain else shape, device=counts.device)
    lists = [
        array(probs.new_empty((0, 0)) if entries is None else entries.reshape(count, -1))
        for entries in (one.indices, one.probs, other.indices, other.probs)
    ]
    outputs = (indices.view(count, -1), probs.view(0 if certain else count, shape[-1]), counts.view(count))
    over_rows(merge, count, indices.numel(), *lists, one.keys, *map(array, outputs))
    return IndexRows(indices, counts, None if certain else probs, one.keys).trimmed()


def _probs(rows: IndexRows) -> Tensor:
    return rows.valid.float() if rows.probs is None else rows.probs


def _largest(counts: Tensor) -> int:
    return int(counts.max()) if counts.numel() else 0
