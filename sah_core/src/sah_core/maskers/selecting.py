"""What top-k and top-p maskers share: rows per query head or per KV head, units of keys, order, and the result."""

from __future__ import annotations

from abc import ABC, abstractmethod
from typing import Generic, TypeVar

import torch
from torch import Tensor
from torch.nn.functional import pad

from sah_core.composition import uncertain_keys
from sah_core.errors import CompositionError
from sah_core.grouped_heads import by_group
from sah_core.inputs import AttentionInputs
from sah_core.mask import IndexRows, Mask
from sah_core.masker_config import MaskerConfig
from sah_core.state import KeyIndex

from .indexing import index_of
from .units import Units

__all__ = ["SelectingMasker", "best_first", "rows_of"]

ConfigT = TypeVar("ConfigT", bound=MaskerConfig)


class SelectingMasker(ABC, Generic[ConfigT]):
    """Scores units of keys and selects, for certain, the best among those not certain yet.

    A method writes `scores`, and `create_index` if it keeps an index. A unit is one key, or `unit_size` keys in a row
    (a page), counted from each batch row's first token: see `Units`, and `PageIndex` for statistics of pages.
    Where ``share_kv_group`` is set, or the scores come per KV head, the query heads of a KV head share one row, which
    ranks the keys not certain in every head of the group. Equal scores: the lower position first.
    """

    def __init__(self, config: ConfigT) -> None:
        self.config = config

    @property
    def unit_size(self) -> int:
        """Keys in a unit."""
        return 1

    @property
    def share_kv_group(self) -> bool:
        """Whether the query heads of a KV head share one selection."""
        return bool(getattr(self.config, "share_kv_group", False))

    def create_index(self, inputs: AttentionInputs) -> KeyIndex | None:
        """An empty index for this layer; None for a method without one."""
        return None

    @abstractmethod
    def scores(self, inputs: AttentionInputs, index: KeyIndex | None) -> Tensor:
        """How much each unit matters to each query, larger is more: (b, hq or hkv, q, units).

        ``index`` covers all keys up to the last query's. What stands at keys that a query cannot see does not matter.
        """

    @abstractmethod
    def select(self, inputs: AttentionInputs, previous: Mask, scores: Tensor, candidates: Tensor) -> Tensor:
        """Which of the ``candidates`` to take; all three bool or float of shape (b, rows, q, units)."""

    def aggregate(self, inputs: AttentionInputs, scores: Tensor, candidates: Tensor) -> Tensor:
        """One row a KV head from the rows of its query heads, (b, hkv, q, units): the sum of their scores.

        ``scores`` (b, hq, q, units); ``candidates`` bool (b, 1 or hq, q, units), what each head has not taken yet.
        """
        return by_group(scores, inputs.kv_heads).sum(2)

    def add_mask(self, inputs: AttentionInputs, previous: Mask) -> Mask:
        """The previous mask and the selection."""
        if previous.representation == "full":
            return previous
        units = Units.of(inputs, self.unit_size)
        scores = self._scores_of_all_units(inputs, units)
        open_units = units.any_of(uncertain_keys(inputs, previous))
        if self.share_kv_group and scores.shape[1] != inputs.kv_heads:
            scores = self.aggregate(inputs, scores, open_units)
        rows = scores.shape[1]
        candidates = rows_of(open_units, rows)
        chosen = units.keys_of(self.select(inputs, previous, scores, candidates))
        keys = chosen & rows_of(inputs.visible, rows)
        selection = Mask(inputs.shape, IndexRows.from_selected(keys))
        return previous | (selection if inputs.visible.shape[1] in (1, rows) else selection.restrict(inputs.visible))

    def _scores_of_all_units(self, inputs: AttentionInputs, units: Units) -> Tensor:
        scores = self.scores(inputs, index_of(self.config, inputs, self.create_index))
        b, hq, q, _ = inputs.shape
        if scores.shape[:3] not in {(b, hq, q), (b, inputs.kv_heads, q)} or scores.shape[3] > units.count:
            raise CompositionError(
                f"{self.config.kind} scored a tensor of shape {tuple(scores.shape)}; "
                f"expected ({b}, {hq} or {inputs.kv_heads}, {q}, up to {units.count})"
            )
        return pad(scores, (0, units.count - scores.shape[3]), value=-torch.inf)


def rows_of(cells: Tensor, rows: int) -> Tensor:
    """Cells (b, 1 or hq, q, k) bool as ``rows`` heads: a row that serves several heads has what any of them has."""
    return cells if cells.shape[1] in (1, rows) else by_group(cells, rows).any(2)


def best_first(scores: Tensor, candidates: Tensor) -> Tensor:
    """Positions along the last dimension, candidates before others, larger scores first, ties in order of position."""
    lowest = torch.finfo(scores.dtype).min
    ranked = scores.clamp(min=lowest).masked_fill(~candidates, -torch.inf)
    return ranked.sort(dim=-1, descending=True, stable=True).indices
