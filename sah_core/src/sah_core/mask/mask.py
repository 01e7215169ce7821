"""`Mask`: with what probability does each query row attend to each key?"""

from __future__ import annotations

import warnings
from typing import Literal

import torch
from attrs import field, frozen
from torch import Tensor

from . import checks
from .index_rows import IndexRows
from .storage import Rows, expand_rows, refinement

__all__ = ["Mask", "Shape"]

Shape = tuple[int, int, int, int]
"""Batch, query heads, queries and keys."""

RowKey = int | slice


@frozen(eq=False, repr=False, init=True)
class Mask:
    """Inclusion probabilities of shape (batch, query heads, queries, keys), in [0, 1], float32; immutable.

    0 is not attended, 1 is attended for certain; between them, the key was drawn by a sampler that had this probability
    of drawing it, and attention weighs it by 1 / pi.

    A mask is stored dense, as sorted rows of key positions, or, when empty or full, not at all; the four mean the same.
    Make one with `empty`, `full`, `from_dense` or `from_indices`; the bare constructor checks nothing.
    """

    shape: Shape
    _storage: Literal["empty", "full"] | Tensor | IndexRows = field(alias="storage")

    # -- construction ------------------------------------------------------------------------------------------------

    @classmethod
    def empty(cls, shape: Shape) -> Mask:
        """No key for any row."""
        return cls(checks.shape(shape), "empty")

    @classmethod
    def full(cls, shape: Shape) -> Mask:
        """Every key for every row, for certain."""
        return cls(checks.shape(shape), "full")

    @classmethod
    def from_dense(cls, probs: Tensor, shape: Shape | None = None) -> Mask:
        """A mask from all its probabilities, copied.

        ``probs`` (b, h, q, k), floating in [0, 1] or bool; with ``shape`` given it may hold fewer rows: batch and
        queries may be 1 and heads any divisor of the mask's. Raises MaskError for anything else.
        """
        checks.tensor(probs, "probs")
        shape = checks.shape(tuple(probs.shape) if shape is None else shape)
        checks.dense(probs, shape)
        return cls(shape, probs.detach().to(torch.float32, copy=True))

    @classmethod
    def from_indices(
        cls, shape: Shape, indices: Tensor, probs: Tensor | None = None, counts: Tensor | None = None
    ) -> Mask:
        """A mask from the keys each row attends to, copied.

        ``indices`` (b, h, q, m) integer, in any order, no key twice in a row; ``probs`` of the same shape in (0, 1],
        all ones if None; ``counts`` (b, h, q): how many leading entries of a row count, all if None. Batch and queries
        may be 1 and heads any divisor of the shape's. Raises MaskError for anything else.
        """
        shape = checks.shape(shape)
        checks.tensor(indices, "indices")
        keys = shape[3]
        if counts is None:
            counts = torch.full(indices.shape[:3], indices.shape[-1], dtype=torch.int64, device=indices.device)
        checks.indices(indices, probs, counts, shape)
        valid = torch.arange(indices.shape[-1], device=indices.device) < counts.unsqueeze(-1)
        rows, order = indices.detach().long().masked_fill(~valid, keys).sort(-1)
        checks.unique(rows, keys)
        stored = None
        if probs is not None:
            stored = probs.detach().float().masked_fill(~valid, 0.0).gather(-1, order)
        return cls(shape, IndexRows(rows, counts.detach().to(torch.int64, copy=True), stored, keys))

    # -- what it is --------------------------------------------------------------------------------------------------

    @property
    def representation(self) -> Literal["empty", "full", "dense", "index"]:
        """How it is stored; no result depends on it."""
        if isinstance(self._storage, Tensor):
            return "dense"
        if isinstance(self._storage, IndexRows):
            return "index"
        return self._storage

    @property
    def rows(self) -> Rows:
        """Batch, query heads and queries of the logical shape."""
        return self.shape[:3]

    @property
    def device(self) -> torch.device | None:
        """Where it is stored; None for an empty or full mask, which is nowhere."""
        if isinstance(self._storage, Tensor):
            return self._storage.device
        if isinstance(self._storage, IndexRows):
            return self._storage.indices.device
        return None

    def __repr__(self) -> str:
        return f"Mask(shape={self.shape}, density={self.density():.4g}, {self.representation})"

    def attended(self, visible: Tensor | None = None) -> Tensor:
        """How many keys each row attends to, int64 (b, h, q); with ``visible``, how many of those it can see."""
        visible = None if visible is None else checks.visible(visible, self.shape)
        storage = self._storage
        if isinstance(storage, IndexRows):
            if visible is None:
                return expand_rows(storage.counts, self.rows)
            rows = storage.expand(self.rows)
            seen = visible.expand(self.shape).gather(-1, rows.indices.clamp(max=self.shape[3] - 1))
            return (seen & rows.valid).sum(-1)
        if storage == "empty" or (storage == "full" and visible is None):
            device = None if visible is None else visible.device
            value = 0 if storage == "empty" else self.shape[3]
            return torch.full(self.rows, value, dtype=torch.int64, device=device)
        cells = self.to_dense(None if visible is None else visible.device) > 0
        return (cells if visible is None else cells & visible).sum(-1)

    def density(self, visible: Tensor | None = None) -> float:
        """The share of cells attended to, of the ``visible`` cells (bool, broadcastable to the shape) or of all."""
        if visible is None:
            total = self.rows[0] * self.rows[1] * self.rows[2] * self.shape[3]
        else:
            total = int(checks.visible(visible, self.shape).expand(self.shape).sum())
        return int(self.attended(visible).sum()) / total if total else 0.0

    # -- conversions -------------------------------------------------------------------------------------------------

    def to_dense(self, device: torch.device | str | None = None) -> Tensor:
        """All probabilities, float32 (b, h, q, k), in memory of their own.

        ``device`` is where an empty or full mask is made (default: torch's default device); others stay where they are.
        """
        storage = self._storage
        if isinstance(storage, IndexRows):
            storage = storage.to_dense()
        if isinstance(storage, Tensor):
            return expand_rows(storage, self.rows).clone(memory_format=torch.contiguous_format)
        return torch.full(self.shape, 1.0 if storage == "full" else 0.0, dtype=torch.float32, device=device)

    def to_indices(self, device: torch.device | str | None = None) -> tuple[Tensor, Tensor, Tensor]:
        """``indices`` int64 and ``probs`` float32 (b, h, q, m), and ``counts`` int64 (b, h, q); fully expanded.

        Rows are sorted; padding after a row's count holds k, one past the last key, with probability 0.
        """
        rows = self.index_rows(device).expand(self.rows)
        probs = rows.valid.float() if rows.probs is None else rows.probs.clone()
        return rows.indices.clone(), probs, rows.counts.clone()

    def to_csr(self) -> tuple[Tensor, Tensor, Tensor]:
        """``indptr`` (b*h*q + 1,), ``indices`` and ``probs`` (n,): all rows one after another."""
        indices, probs, counts = self.to_indices()
        valid = indices < self.shape[3]
        indptr = torch.zeros(counts.numel() + 1, dtype=torch.int64, device=counts.device)
        torch.cumsum(counts.reshape(-1), 0, out=indptr[1:])
        return indptr, indices[valid], probs[valid]

    def to_sparse_csr(self) -> Tensor:
        """A ``torch.sparse_csr`` tensor of shape (b*h*q, k), float32."""
        indptr, indices, probs = self.to_csr()
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", UserWarning)  # torch calls its CSR tensors beta at every construction
            size = (indptr.numel() - 1, self.shape[3])
            return torch.sparse_csr_tensor(indptr, indices, probs, size=size, device=probs.device)

    def index_rows(self, device: torch.device | str | None = None) -> IndexRows:
        """The mask as stored index rows; not expanded, not copied: for reading only."""
        storage = self._storage
        if isinstance(storage, IndexRows):
            return storage
        if isinstance(storage, Tensor):
            return IndexRows.from_selected(storage > 0, storage)
        keys = self.shape[3]
        width = keys if storage == "full" else 0
        counts = torch.full((1, 1, 1), width, dtype=torch.int64, device=device)
        return IndexRows(torch.arange(width, device=device).reshape(1, 1, 1, width), counts, None, keys)

    def to(self, device: torch.device | str) -> Mask:
        """The same mask on another device."""
        return self if isinstance(self._storage, str) else Mask(self.shape, self._storage.to(device))

    def __getitem__(self, key: RowKey | tuple[RowKey, ...]) -> Mask:
        """Select by batch, head and query row; an int keeps its dimension, as a slice of one."""
        keys = key if isinstance(key, tuple) else (key,)
        spans = checks.row_slices(keys, self.rows)
        batch, heads, queries = (len(range(*span.indices(size))) for span, size in zip(spans, self.rows, strict=True))
        shape = (batch, heads, queries, self.shape[3])
        storage = self._storage
        if isinstance(storage, IndexRows):
            rows = storage.expand(self.rows)
            probs = None if rows.probs is None else rows.probs[spans]
            return Mask(shape, IndexRows(rows.indices[spans], rows.counts[spans], probs, rows.keys))
        if isinstance(storage, Tensor):
            return Mask(shape, expand_rows(storage, self.rows)[spans])
        return Mask(shape, storage)

    # -- algebra -----------------------------------------------------------------------------------------------------

    def __or__(self, other: Mask) -> Mask:
        """The union: at each key the larger probability. Shapes must be equal."""
        if not isinstance(other, Mask):
            return NotImplemented
        checks.same_shape(self.shape, other.shape, "|")
        one, two = self._storage, other._storage
        if one == "empty" or two == "full":
            return other
        if two == "empty" or one == "full":
            return self
        if isinstance(one, IndexRows) and isinstance(two, IndexRows):
            return Mask(self.shape, one.union(two))
        return Mask(self.shape, torch.maximum(*self._aligned(other)))

    def __le__(self, other: Mask) -> bool:
        """Whether every probability is at most the other's. Shapes must be equal."""
        if not isinstance(other, Mask):
            return NotImplemented
        checks.same_shape(self.shape, other.shape, "<=")
        one, two = self._storage, other._storage
        if one == "empty" or two == "full":
            return True
        if isinstance(one, IndexRows) and isinstance(two, IndexRows):
            rows = refinement(one.rows, two.rows)
            small, large = one.expand(rows), two.expand(rows)
            probs = small.valid.float() if small.probs is None else small.probs
            return bool((probs <= large.at(small.indices)).all())
        first, second = self._aligned(other)
        return bool((first <= second).all())

    def __ge__(self, other: Mask) -> bool:
        if not isinstance(other, Mask):
            return NotImplemented
        return other <= self

    def __eq__(self, other: object) -> bool:
        """Equal shapes and exactly equal probabilities, however stored."""
        if not isinstance(other, Mask):
            return NotImplemented
        return self.shape == other.shape and self <= other and other <= self

    __hash__ = None  # type: ignore[assignment]  # two representations of one mask are equal, and a mask is a value

    def promote(self) -> Mask:
        """Every attended key becomes certain."""
        storage = self._storage
        if isinstance(storage, IndexRows):
            return self if storage.probs is None else Mask(self.shape, storage.certain())
        return Mask(self.shape, (storage > 0).float()) if isinstance(storage, Tensor) else self

    def certain(self) -> Mask:
        """Only the keys with probability one."""
        storage = self._storage
        if isinstance(storage, IndexRows):
            if storage.probs is None:
                return self
            return Mask(self.shape, storage.keep(storage.probs == 1).certain())
        return Mask(self.shape, (storage == 1).float()) if isinstance(storage, Tensor) else self

    def restrict(self, visible: Tensor) -> Mask:
        """Only the cells where ``visible`` (bool, broadcastable to the shape) is true."""
        visible = checks.visible(visible, self.shape)
        storage = self._storage
        if isinstance(storage, IndexRows):
            rows = refinement(storage.rows, (visible.shape[0], visible.shape[1], visible.shape[2]))
            expanded = storage.expand(rows)
            seen = expand_rows(visible, rows).gather(-1, expanded.indices.clamp(max=self.shape[3] - 1))
            return Mask(self.shape, expanded.keep(seen))
        if storage == "empty":
            return self
        return Mask(self.shape, self.to_dense(visible.device) * visible)

    def dense_rows(self, device: torch.device | None) -> Tensor:
        """The probabilities as stored, for reading, float32 (sb, sh, sq, k); empty or full: a row on ``device``."""
        storage = self._storage
        if isinstance(storage, IndexRows):
            return storage.to_dense()
        if isinstance(storage, Tensor):
            return storage
        value = 1.0 if storage == "full" else 0.0
        return torch.full((1, 1, 1, self.shape[3]), value, dtype=torch.float32, device=device)

    def _aligned(self, other: Mask) -> tuple[Tensor, Tensor]:
        """Both as dense tensors of the same stored rows."""
        device = self.device or other.device
        one, two = self.dense_rows(device), other.dense_rows(device)
        rows = refinement((one.shape[0], one.shape[1], one.shape[2]), (two.shape[0], two.shape[1], two.shape[2]))
        return expand_rows(one, rows), expand_rows(two, rows)
