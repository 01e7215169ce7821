"""What Quest keeps of the keys: the box that each page's keys lie in."""

from __future__ import annotations

import torch
from torch import Tensor

from sah_core import PageIndex

__all__ = ["Boxes"]


class Boxes(PageIndex):
    """The corners [kmax, -kmin] of every page's box, beside each other: both are maxima, of the keys and of -keys."""

    def __init__(self, page_size: int, padding: Tensor) -> None:
        super().__init__(page_size, padding, "amax")

    @property
    def corners(self) -> Tensor:
        """[kmax, -kmin] of every page, in the keys' dtype (b, hkv, pages, 2 d)."""
        return self.of("amax")

    def append(self, keys: Tensor) -> None:
        """Widen the open page's box, then begin new ones."""
        super().append(torch.cat([keys, -keys], -1))
