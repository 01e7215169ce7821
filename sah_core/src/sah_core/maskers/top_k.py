"""Maskers that select the best few."""

from __future__ import annotations

from typing import TypeVar

import torch
from torch import Tensor

from sah_core.grouped_heads import by_group
from sah_core.inputs import AttentionInputs
from sah_core.mask import Mask
from sah_core.masker_config import MaskerConfig, Size

from .selecting import SelectingMasker, best_first

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

    def select(self, inputs: AttentionInputs, previous: Mask, scores: Tensor, candidates: Tensor) -> Tensor:
        """The first units in order of score, as many as the budget holds."""
        rows = scores.shape[1]
        keys = _of_rows(inputs.keys_of_size(self.budget), rows)  # (b, 1 | rows, q)
        counts = _of_rows(inputs.visible_counts, rows)
        # A budget of every visible key means every unit, however the keys lie across units.
        units = torch.where(keys >= counts, scores.shape[3], -(-keys // self.unit_size))
        order = best_first(scores, candidates)
        within = torch.arange(scores.shape[3], device=scores.device) < units.unsqueeze(-1)
        taken = torch.zeros_like(candidates).scatter_(-1, order, within.expand_as(candidates))
        return taken & candidates


def _of_rows(counts: Tensor, rows: int) -> Tensor:
    """Counts (b, 1 or hq, q) for ``rows`` heads: a row that serves several heads has the largest of theirs."""
    return counts if counts.shape[1] in (1, rows) else by_group(counts, rows).amax(2)
