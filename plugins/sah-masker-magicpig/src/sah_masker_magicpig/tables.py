"""Bucket tables: the keys in the order of their codes, so that those of one code are found without comparing."""

from __future__ import annotations

import torch
from attrs import frozen
from torch import Tensor

__all__ = ["BucketTables"]

AT_ONCE = 2**22
"""Keys read out of buckets at once, about: bounds the positions made on the way."""


@frozen(eq=False)
class BucketTables:
    """L tables for each of the b * hkv heads, one row for each, a head's tables beside each other.

    ``order`` int32 (b * hkv * L, n): all n keys, sorted by their codes, those of one code by position.
    ``starts`` int32 (b * hkv * L, 2^K + 1): the keys of code c stand from ``starts[c]`` up to ``starts[c + 1]``.
    """

    order: Tensor
    starts: Tensor

    @classmethod
    def empty(cls, tables: int, bits: int, device: torch.device) -> BucketTables:
        """So many tables without a key."""
        order = torch.zeros((tables, 0), dtype=torch.int32, device=device)
        return cls(order, torch.zeros((tables, 2**bits + 1), dtype=torch.int32, device=device))

    @property
    def keys(self) -> int:
        """How many keys there are."""
        return self.order.shape[1]

    @property
    def nbytes(self) -> int:
        """Bytes of both tensors."""
        return self.order.nbytes + self.starts.nbytes

    def extended(self, first: int, codes: Tensor) -> BucketTables:
        """Tables of the ``first`` keys of these, and after them keys of the ``codes`` int16 (b, hkv, new, L)."""
        new, device = codes.shape[2], codes.device
        order = torch.empty((len(self.order), first + new), dtype=torch.int32, device=device)
        starts = torch.zeros_like(self.starts)
        later = torch.arange(first, first + new, dtype=torch.int32, device=device)
        buckets = torch.arange(self.starts.shape[1] - 1, dtype=torch.int16, device=device)
        heads = (column for head in codes.flatten(0, 1) for column in head.T.contiguous())
        # One table at a time: torch sorts a single row of small integers by their digits, twenty times faster.
        for table, code in enumerate(heads):
            place = later
            if first:
                held, held_codes = self.order[table], buckets.repeat_interleave(self.starts[table].diff())
                if first < self.keys:
                    kept = held < first
                    held, held_codes = held[kept], held_codes[kept]
                place, code = torch.cat([held, later]), torch.cat([held_codes, code])
            ordered, by_code = code.sort(stable=True)
            order[table] = place[by_code]
            starts[table, 1:] = torch.searchsorted(ordered, buckets, right=True)
        return BucketTables(order, starts)

    def count(self, codes: Tensor, head: int, counts: Tensor) -> None:
        """Add to ``counts``, int16 (heads, rows, >= n), in how many tables each key has the row's code.

        ``codes`` int16 (heads, rows, L) are of the heads from number ``head`` on; ``counts`` is contiguous.
        """
        heads, rows, tables = codes.shape
        number = torch.arange(head * tables, (head + heads) * tables, device=codes.device).reshape(heads, 1, tables)
        bucket = number * self.starts.shape[1] + codes
        starts = self.starts.reshape(-1)
        begin = (starts[bucket] + number * self.keys).reshape(heads * rows, tables)
        sizes = (starts[bucket + 1] - starts[bucket]).long().reshape(heads * rows, tables)
        row = torch.arange(heads * rows, device=codes.device) * counts.shape[2]
        step = max(1, tables * AT_ONCE // max(int(sizes.sum()), AT_ONCE))
        for first in range(0, tables, step):
            size = sizes[:, first : first + step]
            places = self._keys(begin[:, first : first + step].reshape(-1), size.reshape(-1))
            places = row.repeat_interleave(size.sum(-1), output_size=len(places)).add_(places)
            counts.view(-1).scatter_add_(0, places, counts.new_ones(()).expand(len(places)))

    def _keys(self, begin: Tensor, sizes: Tensor) -> Tensor:
        """The keys, int32, of buckets of these ``sizes`` that begin at these places of `order`, one after another."""
        ends = sizes.cumsum(0)
        total = int(ends[-1])
        places = (begin - ends + sizes).repeat_interleave(sizes, output_size=total)
        places += torch.arange(total, device=begin.device)
        return self.order.reshape(-1).index_select(0, places)
