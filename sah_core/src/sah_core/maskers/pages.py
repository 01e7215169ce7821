"""`PageIndex`: statistics of pages of keys, for maskers that choose whole pages."""

from __future__ import annotations

from collections.abc import Callable
from typing import ClassVar, Literal

import torch
from torch import Tensor

from sah_core.growing import GrowingTensor
from sah_core.state import KeyIndex

from .units import page_shift

__all__ = ["PageIndex", "Statistic"]

Statistic = Literal["amin", "amax", "sum"]


class PageIndex(KeyIndex):
    """The elementwise minimum, maximum or sum of each page's keys, whichever are asked for.

    Pages are numbered as `Units` numbers them: of every batch row the ``page_size`` keys from its first token on, and
    so on. ``padding`` (b,) int64: how many leading columns of each row hold no token; they enter no page. Minima and
    maxima have the keys' dtype, sums are float64. A page without a token has the statistic's neutral element: for
    minima the largest number of the dtype, for maxima the smallest, for sums 0.
    """

    saved: ClassVar[tuple[str, ...]] = ("_pages", "_covered", "_end")

    def __init__(self, page_size: int, padding: Tensor, *statistics: Statistic) -> None:
        self.page_size = page_size
        self.padding = padding
        self._shift = page_shift(padding, page_size)  # (b,)
        self._least, self._most = (int(extreme) for extreme in self._shift.aminmax())
        self._first_token = int(padding.max())  # from this column on all rows have tokens
        self._covered = padding  # (b,): leading columns that need not be read: padding, or in the pages already
        self._end = 0  # no page holds a key of a later column
        self._pages = {statistic: GrowingTensor() for statistic in statistics}

    def of(self, statistic: Statistic) -> Tensor:
        """This statistic of every page, (b, hkv, pages, d)."""
        return self._pages[statistic].entries

    @property
    def counts(self) -> Tensor:
        """How many tokens each page holds, int64 (b, pages)."""
        pages = max(map(len, self._pages.values()))
        first = torch.arange(pages, device=self.padding.device) * self.page_size - self._shift.unsqueeze(-1)
        start = torch.maximum(first, self.padding.unsqueeze(-1))
        return ((first + self.page_size).clamp(max=self.length) - start).clamp(min=0)

    @property
    def nbytes(self) -> int:
        """Bytes of the statistics."""
        return sum(pages.nbytes for pages in self._pages.values())

    def fit(self, keys: Tensor) -> None:
        """Nothing is learned: cover these keys."""
        self.append(keys)

    def append(self, keys: Tensor) -> None:
        """Fill the open page, then new ones."""
        if keys.shape[2] == 1 and self._least == self._most and self.length >= max(self._end, self._first_token, 1):
            self._append_one(keys)
            return
        b, hkv, n, d = keys.shape
        column = torch.arange(self.length, self.length + n, device=keys.device)
        first = self.length // self.page_size  # no row has keys for an earlier page
        page = (column + self._shift.unsqueeze(-1)) // self.page_size - first  # (b, n)
        new = (column >= self._covered.unsqueeze(-1)).reshape(b, 1, n, 1)
        count = -(-(self.length + n + self._most) // self.page_size) - first
        place = page.reshape(b, 1, n, 1).expand(b, hkv, n, d)
        for statistic, pages in self._pages.items():
            values = keys.double() if statistic == "sum" else keys
            neutral = _neutral(statistic, values.dtype)
            changed = values.new_full((b, hkv, count, d), neutral)
            if len(pages) > first:
                changed[:, :, : len(pages) - first] = pages.entries[:, :, first:]
            changed.scatter_reduce_(2, place, torch.where(new, values, neutral), statistic)
            pages.truncate(first)
            pages.append(changed)
        self.length += n
        self._end = self.length

    def _append_one(self, key: Tensor) -> None:
        """The same for one token whose page has one number in all batch rows: the step of decoding."""
        page = (self.length + self._most) // self.page_size
        for statistic, pages in self._pages.items():
            value = key.double() if statistic == "sum" else key
            if len(pages) == page:
                pages.append(value)
                continue
            held = pages.entries[:, :, page : page + 1]
            held.copy_(_COMBINED[statistic](held, value))
        self.length += 1
        self._end = self.length

    def truncate(self, length: int) -> None:
        """Keep the pages that are whole in every batch row; what of later keys they hold is not read again."""
        if length >= self._end:
            return
        whole = max(0, (length + self._least) // self.page_size)
        for pages in self._pages.values():
            pages.truncate(whole)
        held = whole * self.page_size - self._shift  # (b,): columns that these pages cover
        self._covered = torch.maximum(self.padding, held)
        self.length = max(0, whole * self.page_size - self._most)
        self._end = max(0, whole * self.page_size - self._least)


_COMBINED: dict[Statistic, Callable[[Tensor, Tensor], Tensor]] = {
    "amin": torch.minimum,
    "amax": torch.maximum,
    "sum": torch.add,
}


def _neutral(statistic: Statistic, dtype: torch.dtype) -> float:
    largest = torch.finfo(dtype).max
    return {"amin": largest, "amax": -largest, "sum": 0.0}[statistic]
