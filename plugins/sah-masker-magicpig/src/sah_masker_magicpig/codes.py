"""What MagicPIG keeps of the keys: in which bucket of every hash table they are, and how long they are."""

from __future__ import annotations

from collections.abc import Iterator

import torch
from torch import Tensor

from sah_core import GrowingTensor, KeyIndex, NumericalError, StateError
from sah_core.index_content import IndexContent
from sah_core.mask import IndexRows

from . import MagicPigConfig
from .hashing import BLOCK, SignHash
from .tables import BucketTables

__all__ = ["KeyCodes"]

TAIL = 128
"""Keys whose codes are compared rather than sorted, at least."""
SHARE = 64
"""And at least one key in so many, so that sorting all of them costs each new key no more than hashing it did."""
CELLS = 2**22
"""Matches counted at once, of rows x keys."""


class KeyCodes(KeyIndex):
    """Which keys collide with a query: by the sign codes of k less the context's mean mu, in L tables of K bits.

    ``projections`` float32 (hkv, d, L, K), one for each KV head: see `SignHash`. ``padding`` (b,) int64: leading
    columns of each batch row that are no tokens, left out of the mean.

    Most keys are in bucket tables. Those after them, the tail, are kept as codes that every query's are compared with;
    a tail of more than ``tail`` keys, and of more than a 64th of all, is sorted into the tables.
    """

    saved = ("mean", "_in_tables", "_tail", "_lengths", "_broken")

    def __init__(self, config: MagicPigConfig, projections: Tensor, padding: Tensor, tail: int = TAIL) -> None:
        self.config = config
        self.hash = SignHash(projections)
        self.padding = padding
        self._least_tail = tail
        self._tail = GrowingTensor()
        self._lengths = GrowingTensor()

    @property
    def lengths(self) -> Tensor:
        """|k - mu| of every key, float64 (b, hkv, n)."""
        return self._lengths.entries

    def fit(self, keys: Tensor) -> None:
        """Learn mu, float64 (b, hkv, 1, d), zero unless ``center``; NumericalError if that would be NaN or infinite."""
        b, hkv, n, d = keys.shape
        self.mean = torch.zeros((b, hkv, 1, d), dtype=torch.float64, device=keys.device)
        if self.config.center:
            tokens = (torch.arange(n, device=keys.device) >= self.padding.unsqueeze(-1)).reshape(b, 1, n, 1)
            total = torch.where(tokens, keys, 0.0).sum(2, keepdim=True, dtype=torch.float64)
            self.mean = total / tokens.sum(2, keepdim=True).clamp(min=1)
        wrong = ~self.mean.isfinite().all(-1).squeeze(-1)
        if bool(wrong.any()):
            row, head = wrong.nonzero()[0].tolist()
            raise NumericalError(f"batch row {row}, KV head {head}: a key of the context is NaN or infinite")
        self._tables = BucketTables.empty(b * hkv * self.config.tables, self.config.bits, keys.device)
        self._in_tables = 0  # the first so many keys; what else the tables hold was truncated
        self._broken = torch.zeros((2, 0), dtype=torch.int64, device=keys.device)  # head and place
        self.append(keys)

    def append(self, keys: Tensor) -> None:
        """Hash these keys; mu stays."""
        for block in torch.split(keys, BLOCK, 2):
            centered = self.centered(block)
            lengths = torch.linalg.vector_norm(centered, dim=-1)
            head, place = (~lengths.isfinite()).flatten(0, 1).nonzero(as_tuple=True)
            self._broken = torch.cat([self._broken, torch.stack([head, place + self.length])], 1)
            self._lengths.append(lengths)
            self._tail.append(self.hash(centered))
            self.length += block.shape[2]
        if len(self._tail) > max(self._least_tail, self.length // SHARE):
            self._tables = self._tables.extended(self._in_tables, self._tail.entries)
            self._in_tables, self._tail = self.length, GrowingTensor()

    def truncate(self, length: int) -> None:
        """Forget later keys. Those in the tables stay there until they are next sorted, and are passed over."""
        self.length = min(self.length, length)
        self._in_tables = min(self._in_tables, self.length)
        self._tail.truncate(self.length - self._in_tables)
        self._lengths.truncate(self.length)
        self._broken = self._broken[:, self._broken[1] < self.length]

    @property
    def nbytes(self) -> int:
        """Bytes of the tables, the tail's codes, the lengths, the projections and the mean."""
        return super().nbytes + self._tables.nbytes + self.hash.nbytes

    def content(self) -> IndexContent:
        """That of the attributes, and both tensors of the tables."""
        return {**(super().content() or {}), "order": self._tables.order, "starts": self._tables.starts}

    def restore(self, content: IndexContent) -> None:
        """Take over the tables, too; StateError where they are missing."""
        super().restore(content)
        order, starts = content.get("order"), content.get("starts")
        if not isinstance(order, Tensor) or not isinstance(starts, Tensor):
            raise StateError("magicpig: the saved index has no tables: it was saved by another version of this masker")
        self._tables = BucketTables(order, starts)

    def centered(self, keys: Tensor) -> Tensor:
        """k - mu, float64, of keys (b, hkv, n, d)."""
        return keys.double() - self.mean

    def collisions(self, queries: Tensor, keys: int) -> IndexRows:
        """The keys, of so many, whose codes equal those of each query (b, hq, q, d) in ``min_matches`` tables or more.

        A key or a query without a finite length collides with all, so that attention finds and names it.
        """
        b, hq, q, d = queries.shape
        vectors = queries.detach().double().reshape(b, self.mean.shape[1], -1, d)
        codes = self.hash(vectors).flatten(0, 1)  # (b * hkv, g * q, L)
        broken = ~torch.linalg.vector_norm(vectors, dim=-1).isfinite().flatten(0, 1)
        all_finite, pairs = not bool(broken.any()), []
        for heads, rows in self._blocks(codes.shape[0], codes.shape[1]):
            enough = self._matches(codes[heads, rows], heads.start) >= self.config.min_matches
            if not all_finite:
                enough |= broken[heads, rows].unsqueeze(-1)
            row, key = enough.flatten(0, 1).nonzero(as_tuple=True)
            pairs.append((row + heads.start * codes.shape[1] + rows.start, key))
        row, key = (torch.cat(parts) for parts in zip(*pairs, strict=True))
        return IndexRows.from_list(key, torch.bincount(row, minlength=b * hq * q).reshape(b, hq, q), keys)

    def _blocks(self, heads: int, rows: int) -> Iterator[tuple[slice, slice]]:
        """Heads and rows of (heads, rows) in order: blocks of many heads, or of some of one head's rows."""
        length = max(self.length, 1)
        step = max(1, CELLS // (rows * length))
        row_step = rows if step > 1 else max(1, CELLS // length)
        for head in range(0, heads, step):
            for row in range(0, rows, row_step):
                yield slice(head, head + step), slice(row, row + row_step)

    def _matches(self, codes: Tensor, head: int) -> Tensor:
        """In how many tables each key has the code, int16 (heads, rows, length), of (heads, rows, L) from ``head``."""
        heads, rows, _ = codes.shape
        width = max(self.length, self._tables.keys)
        counts = torch.zeros((heads, rows, width), dtype=torch.int16, device=codes.device)
        self._tables.count(codes, head, counts)
        if len(self._tail):
            tail = self._tail.entries.flatten(0, 1)[head : head + heads]
            for first in range(0, tail.shape[1], TAIL):
                equal = codes.unsqueeze(2) == tail[:, first : first + TAIL].unsqueeze(1)  # (heads, rows, keys, L)
                place = self._in_tables + first
                counts[..., place : place + equal.shape[2]] = equal.sum(-1, dtype=torch.int16)
        if self._broken.shape[1]:
            number, place = self._broken[:, (self._broken[0] >= head) & (self._broken[0] < head + heads)]
            counts[number - head, :, place] = self.config.min_matches
        return counts[..., : self.length]
