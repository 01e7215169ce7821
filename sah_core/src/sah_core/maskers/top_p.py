"""Maskers that select the fewest keys holding a share of the attention mass."""

from __future__ import annotations

from typing import TypeVar

import torch
from torch import Tensor

from sah_core.grouped_heads import by_group
from sah_core.inputs import AttentionInputs
from sah_core.mask import IndexRows, Mask
from sah_core.masker_config import MaskerConfig

from .open_units import OpenUnits
from .selecting import SelectingMasker

__all__ = ["TopPMasker"]

ConfigT = TypeVar("ConfigT", bound=MaskerConfig)


class TopPMasker(SelectingMasker[ConfigT]):
    """Selects the fewest keys, largest first, whose estimated mass reaches ``config.mass``.

    A method's `scores` are estimated logits, one a key. The mass is a share of what the visible keys that are not yet
    certain hold (``mass_reference = "residual"``), or of what all visible keys hold, the certain ones counting towards
    it (``"total"``). Heads that share a selection share the mean of their attention weights.
    """

    @property
    def mass(self) -> float:
        """The share to reach, in (0, 1]."""
        share: float = getattr(self.config, "mass")  # noqa: B009  # the field every config of this family declares
        return share

    @property
    def of_total(self) -> bool:
        """Whether the share is of all visible keys' mass, not of the residual's."""
        return getattr(self.config, "mass_reference", "residual") == "total"

    def aggregate(self, inputs: AttentionInputs, scores: Tensor, candidates: OpenUnits) -> Tensor:
        """The logarithm of the group's mean attention weights, in double precision: rounding keeps equal keys equal."""
        weights = scores.double().masked_fill(~inputs.visible, -torch.inf).softmax(-1)
        return by_group(weights, inputs.kv_heads).mean(2).log().to(scores.dtype)

    def select(self, inputs: AttentionInputs, previous: Mask, scores: Tensor, candidates: OpenUnits) -> IndexRows:
        """The first keys in order of score until the mass is reached."""
        cells = candidates.of_rows()
        counted = _of_rows(inputs.visible, scores.shape[1]) if self.of_total else cells
        logits = scores.double().masked_fill(~counted, -torch.inf)
        weights = torch.exp(logits - logits.amax(-1, keepdim=True).nan_to_num(neginf=0.0))
        wanted = self.mass * weights.sum(-1, keepdim=True)
        paid = weights.masked_fill(cells, 0.0).sum(-1, keepdim=True)
        order = _best_first(scores, cells)
        ordered = weights.masked_fill(~cells, 0.0).gather(-1, order)
        before = paid + ordered.cumsum(-1) - ordered
        needed = torch.ones_like(cells) if self.mass == 1.0 else before < wanted
        return IndexRows.from_selected(torch.zeros_like(cells).scatter_(-1, order, needed) & cells)


def _of_rows(cells: Tensor, rows: int) -> Tensor:
    """Cells (b, 1 or hq, q, k) bool as ``rows`` heads: a row that serves several heads has what any of them has."""
    return cells if cells.shape[1] in (1, rows) else by_group(cells, rows).any(2)


def _best_first(scores: Tensor, candidates: Tensor) -> Tensor:
    """Positions along the last dimension, candidates before others, larger scores first, ties in order of position."""
    lowest = torch.finfo(scores.dtype).min
    ranked = scores.clamp(min=lowest).masked_fill(~candidates, -torch.inf)
    return ranked.sort(dim=-1, descending=True, stable=True).indices
