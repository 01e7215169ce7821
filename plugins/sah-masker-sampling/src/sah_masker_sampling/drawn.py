"""A drawn sample as rows of a mask."""

from __future__ import annotations

import torch
from torch import Tensor

from sah_core.mask import IndexRows

__all__ = ["drawn_rows"]


def drawn_rows(order: Tensor, sizes: Tensor, probs: Tensor, keys: int) -> IndexRows:
    """The first ``sizes`` (b, rows, q) of ``order``, int64 (b, rows, q, m), of ``keys`` in all, in increasing order.

    ``probs``, broadcastable to (b, rows, q, m): with what probability each place of the order was drawn.
    """
    drawn = torch.arange(order.shape[-1], device=order.device) < sizes.unsqueeze(-1)
    indices, place = order.masked_fill(~drawn, keys).sort(-1)
    stored = torch.where(drawn, probs.float(), 0.0).gather(-1, place)
    return IndexRows(indices, sizes, stored, keys)
