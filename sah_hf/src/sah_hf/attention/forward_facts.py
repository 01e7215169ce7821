"""`ForwardFacts`: what the layers of one forward have in common, found out once."""

from __future__ import annotations

import torch
from torch import Tensor

__all__ = ["ForwardFacts"]


class ForwardFacts:
    """Positions of the queries, and what the attention masks say.

    Every layer of a kind is handed the same mask, as long as the cache: to look at it in each of them would cost more
    than attention that reads a few of the keys.
    """

    def __init__(self) -> None:
        self._positions: dict[tuple[int, int, torch.device], Tensor] = {}
        # A mask is kept with what it says: while it lives, no other tensor has its id.
        self._masks: dict[tuple[int, int], tuple[Tensor, Tensor | None]] = {}

    def positions(self, first: int, queries: int, device: torch.device) -> Tensor:
        """Absolute positions of so many queries, (q,) int64."""
        known = self._positions.get((first, queries, device))
        if known is None:
            known = self._positions[first, queries, device] = torch.arange(first, first + queries, device=device)
        return known

    def mask(self, mask: Tensor, keys: int) -> Tensor | None:
        """What a mask (b or 1, 1 or hq, q, >= keys), bool or additive, says of its first ``keys`` columns.

        None where every query sees every key and nothing is added to a logit, bool (True: visible) where nothing is
        added to the logits of the keys that are seen, else the mask as it is.
        """
        known = self._masks.get((id(mask), keys))
        if known is None:
            known = self._masks[id(mask), keys] = mask, _simplest(mask[..., :keys])
        return known[1]


def _simplest(mask: Tensor) -> Tensor | None:
    if mask.dtype == torch.bool:
        return None if bool(mask.all()) else mask
    if not mask.dtype.is_floating_point:
        return mask  # refused later, by its name
    unchanged = mask == 0
    if bool(unchanged.all()):
        return None
    hidden = mask <= torch.finfo(mask.dtype).min / 2
    return unchanged if bool((unchanged | hidden).all()) else mask
