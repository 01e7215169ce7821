"""Maskers that select the best few."""

from __future__ import annotations

from typing import TypeVar

import torch
from torch import Tensor

from sah_core.grouped_heads import by_group
from sah_core.inputs import AttentionInputs
from sah_core.mask import IndexRows, Mask
from sah_core.masker_config import MaskerConfig, Size, keys_of_size

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
        return largest(scores, self._units(inputs, scores.shape[1], scores.shape[3]), candidates)

    def _units(self, inputs: AttentionInputs, rows: int, units: int) -> Tensor | int:
        """How many of ``units`` to take, int64 (b, 1 or rows, q), or one number for all rows."""
        # A budget of every visible key means every unit, however the keys lie across units.
        if inputs.unmasked:
            keys = keys_of_size(self.budget, inputs.shape[3])
            return units if keys == inputs.shape[3] else -(-keys // self.unit_size)
        wanted = inputs.keys_of_size(self.budget)  # (b, 1 | hq, q)
        wanted = torch.where(wanted >= inputs.visible_counts, units, -(-wanted // self.unit_size))
        # A row that heads share has the largest of their budgets.
        return wanted if wanted.shape[1] in (1, rows) else by_group(wanted, rows).amax(2)
