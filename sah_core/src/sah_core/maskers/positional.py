"""Maskers that choose keys by position alone."""

from __future__ import annotations

from abc import ABC, abstractmethod
from typing import Generic, TypeVar

import torch
from torch import Tensor

from sah_core.inputs import AttentionInputs
from sah_core.mask import IndexRows, Mask
from sah_core.masker_config import MaskerConfig

__all__ = ["PositionalMasker"]

ConfigT = TypeVar("ConfigT", bound=MaskerConfig)


class PositionalMasker(ABC, Generic[ConfigT]):
    """Selects, for certain, the visible keys of one span of positions per query.

    A method writes `spans`. No tensor of queries x keys is made on the way, unless a span is that long.
    """

    def __init__(self, config: ConfigT) -> None:
        self.config = config

    @abstractmethod
    def spans(self, inputs: AttentionInputs) -> tuple[Tensor, Tensor]:
        """First and one-past-last absolute position, int64, each broadcastable to (b, hq, q)."""

    def add_mask(self, inputs: AttentionInputs, previous: Mask) -> Mask:
        """The previous mask and the span."""
        if previous.representation == "full":
            return previous
        start, stop = self.spans(inputs)
        return previous | _span_mask(inputs, start, stop)


def _span_mask(inputs: AttentionInputs, start: Tensor, stop: Tensor) -> Mask:
    keys = inputs.shape[3]
    if start.numel() == stop.numel() == 1:  # one span for all rows, as in a decode step
        first = min(max(int(start) - inputs.key_offset, 0), keys)
        last = min(max(int(stop) - inputs.key_offset, first), keys)
        indices = torch.arange(first, last, device=inputs.device).reshape(1, 1, 1, -1)
        counts = torch.full((1, 1, 1), last - first, device=inputs.device)
    else:
        start = (start - inputs.key_offset).clamp(0, keys)
        stop = (stop - inputs.key_offset).clamp(0, keys)
        counts = (stop - start).clamp(min=0)
        offsets = torch.arange(int(counts.max()), device=inputs.device)
        inside = offsets < counts.unsqueeze(-1)
        indices = torch.where(inside, start.unsqueeze(-1) + offsets, keys)
    spans = Mask(inputs.shape, IndexRows(indices, counts, None, keys))
    return spans if inputs.unmasked else spans.restrict(inputs.visible)
