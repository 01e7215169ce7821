"""What the attention kernel reads: sets of keys, or of whole pages of keys."""

from __future__ import annotations

from typing import Protocol

from attrs import frozen
from torch import Tensor

__all__ = ["KeyLists", "PageSets"]


class KeyLists(Protocol):
    """Sets of keys and the queries that read each, as `sah_core.attention.gathered.KeySets` holds them.

    There are r = b * heads * rows sets of up to m keys: ``heads`` is a multiple of the KV heads and divides the query
    heads, ``rows`` is q, or 1 where all queries read the same keys.
    """

    @property
    def shape(self) -> tuple[int, int, int]:
        """b, query heads, q."""

    @property
    def heads(self) -> int:
        """Heads with sets of their own."""

    @property
    def rows(self) -> int:
        """Queries with sets of their own."""

    @property
    def indices(self) -> Tensor:
        """int64 (r, m)."""

    @property
    def valid(self) -> Tensor | None:
        """Which entries are read, bool (r, m); None where all are."""

    @property
    def probs(self) -> Tensor | None:
        """Inclusion probabilities (r, m); None where all are 1."""


@frozen(eq=False)
class PageSets:
    """`KeyLists` whose entries are pages: 1 / ``size`` as many, each read as ``size`` keys that lie together.

    Page p holds the columns p * size - shift to p * size - shift + size - 1, those of them from 0 to ``keys`` - 1, and
    every query of the set reads all of these: where one may not see them all, list keys. ``probs`` are of pages.
    """

    shape: tuple[int, int, int]
    heads: int
    rows: int
    indices: Tensor
    size: int
    keys: int
    """How many leading columns hold keys."""
    shift: Tensor | None = None
    """int64 (b,), as in `Units`: how many columns each batch row's pages begin before its column 0; None: 0."""
    valid: Tensor | None = None
    probs: Tensor | None = None
