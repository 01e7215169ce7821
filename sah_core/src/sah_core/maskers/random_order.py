"""A random order of each row's residual keys, of which only the beginning is ever made."""

from __future__ import annotations

import torch
from torch import Tensor

from sah_core.mask import IndexRows

from .largest import FEW, at_least, gathered_table, nth_largest

__all__ = ["RandomOrder"]


class RandomOrder:
    """Each row's residual keys in the order of uniform random numbers: the first n are a simple random sample of them.

    Given the first n, and whatever is computed from them, the order of the others is still uniform: so a sample may
    grow by what comes next.

    ``numbers`` float64 (b, rows, q, k): of each row ``counts`` int64 (b, rows, q) are uniform on [0, 1), the others 1.
    """

    def __init__(self, numbers: Tensor, counts: Tensor) -> None:
        self._keys = numbers.shape[3]
        self._numbers = numbers.reshape(-1, self._keys)
        self._counts = counts
        self._near: tuple[Tensor, Tensor | None, Tensor] | None = None  # the smallest, negated; columns; how many

    def first(self, sizes: Tensor) -> IndexRows:
        """The first ``sizes`` int64 (b, rows, q) keys of each row, at most as many as it has; by position."""
        flat, most = sizes.reshape(-1), int(sizes.max())
        if most == 0:
            return IndexRows(sizes.new_empty((*sizes.shape, 0)), sizes, None, self._keys)
        if self._near is None or bool((self._near[2] < flat).any()):
            self._near = self._smallest(flat)
        table, columns, _ = self._near
        chosen = at_least(table, nth_largest(table, flat, most), flat)
        if columns is None:
            columns = torch.arange(self._keys, device=chosen.device).expand_as(chosen)
        return IndexRows.from_list(columns.masked_select(chosen), sizes, self._keys)

    def _smallest(self, sizes: Tensor) -> tuple[Tensor, Tensor | None, Tensor]:
        """A table that holds the smallest numbers of each row, an eighth more than ``sizes`` (r,); negated."""
        counts = self._counts.reshape(-1)
        wanted = sizes + sizes // 8
        # How many numbers lie below a bound is binomial: too few do once in 1e9 draws, and then all are taken.
        bound = (wanted + 6 * wanted.double().sqrt() + 8) / counts.clamp(min=1)
        if self._keys > FEW and float(bound.max()) < 0.5:
            table, columns = gathered_table(-self._numbers, self._numbers < bound.unsqueeze(-1))
            held = (columns < self._keys).sum(-1)
            if bool((held >= sizes).all()):
                return table, columns, held
        return -self._numbers, None, torch.full_like(counts, self._keys)
