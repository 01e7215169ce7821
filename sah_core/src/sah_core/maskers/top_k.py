"""Maskers that select the best few."""

from __future__ import annotations

from typing import TypeVar

import torch
from torch import Tensor

from sah_core.grouped_heads import by_group
from sah_core.inputs import AttentionInputs
from sah_core.mask import IndexRows, Mask
from sah_core.masker_config import MaskerConfig, Size

from .largest import largest
from .open_units import OpenUnits
from .selecting import SelectingMasker

__all__ = ["TopKMasker"]

ConfigT = TypeVar("ConfigT", bound=MaskerConfig)


class TopKMasker(SelectingMasker[ConfigT]):
    """Selects the ``config.budget`` keys with the largest scores, in addition to what is certain already.

    With pages, ceil(budget / unit_size) of those that hold a visible key that is not certain. A fraction is of the
    row's visible keys; 1.0 is all of them. A row with fewer candidates takes them all.
    """

    @property
    def budget(self) -> Size:
        """How many keys to select."""
        size: Size = getattr(self.config, "budget")  # noqa: B009  # the field every config of this family declares
        return size

    def select(self, inputs: AttentionInputs, previous: Mask, scores: Tensor, candidates: OpenUnits) -> IndexRows:
        """The first units in order of score, as many as the budget holds."""
        keys = inputs.keys_of_size(self.budget)  # (b, 1 | hq, q)
        # A budget of every visible key means every unit, however the keys lie across units.
        units = torch.where(keys >= inputs.visible_counts, scores.shape[3], -(-keys // self.unit_size))
        if units.shape[1] not in (1, scores.shape[1]):
            units = by_group(units, scores.shape[1]).amax(2)  # a row that heads share has the largest of their budgets
        return largest(scores, units, candidates)
