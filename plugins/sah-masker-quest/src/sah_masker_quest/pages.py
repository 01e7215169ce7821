"""What Quest keeps of the keys: the smallest and largest value of every channel in each page."""

from __future__ import annotations

import torch
from torch import Tensor
from torch.nn.functional import pad

from sah_core import GrowingTensor, KeyIndex

__all__ = ["PageIndex"]


class PageIndex(KeyIndex):
    """The elementwise minimum and maximum of each page of ``page_size`` consecutive keys, in the keys' own dtype.

    ``padding`` (b,) int64: the leading columns of each batch row that are no tokens; they enter no page. Each is held
    as the neutral element of its extreme, so a page of padding alone has an empty box: its minimum above its maximum.
    """

    def __init__(self, page_size: int, padding: Tensor) -> None:
        self.page_size = page_size
        self.padding = padding
        self._minima = GrowingTensor()
        self._maxima = GrowingTensor()

    @property
    def minima(self) -> Tensor:
        """The smallest value of each channel in each page, (b, hkv, pages, d)."""
        return self._minima.entries

    @property
    def maxima(self) -> Tensor:
        """The largest value of each channel in each page, (b, hkv, pages, d)."""
        return self._maxima.entries

    def fit(self, keys: Tensor) -> None:
        """Nothing is learned: start without a page and cover these keys."""
        self._minima.append(keys[:, :, :0])
        self._maxima.append(keys[:, :, :0])
        self.append(keys)

    def append(self, keys: Tensor) -> None:
        """Fill the open page, then new ones."""
        b, hkv, n, d = keys.shape
        neutral = torch.finfo(keys.dtype).max
        column = torch.arange(self.length, self.length + n, device=keys.device)
        token = (column >= self.padding.unsqueeze(-1)).reshape(b, 1, n, 1)
        whole, started = divmod(self.length, self.page_size)
        pages = -(-(started + n) // self.page_size)
        for boxes, absent, extreme in ((self._minima, neutral, torch.amin), (self._maxima, -neutral, torch.amax)):
            held = boxes.entries[:, :, whole:].repeat_interleave(started, 2)  # the open page's extreme for each key
            values = torch.cat([held, torch.where(token, keys, absent)], 2)
            values = pad(values, (0, 0, 0, pages * self.page_size - started - n), value=absent)
            boxes.truncate(whole)
            boxes.append(extreme(values.reshape(b, hkv, pages, self.page_size, d), 3))
        self.length += n

    def truncate(self, length: int) -> None:
        """Cover the first ``length`` keys, or as many of them as fill whole pages."""
        if length < self.length:
            whole = length // self.page_size
            self._minima.truncate(whole)
            self._maxima.truncate(whole)
            self.length = whole * self.page_size
