"""What top-k and top-p maskers share: rows per query head or per KV head, units of keys, and the result."""

from __future__ import annotations

from abc import ABC, abstractmethod
from typing import Generic, TypeVar

import torch
from torch import Tensor
from torch.nn.functional import pad

from sah_core.errors import CompositionError
from sah_core.grouped_heads import by_group
from sah_core.inputs import AttentionInputs
from sah_core.mask import IndexRows, Mask
from sah_core.masker_config import MaskerConfig
from sah_core.state import KeyIndex

from .indexing import index_of
from .open_units import OpenUnits
from .units import Units

__all__ = ["SelectingMasker"]

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
    def select(self, inputs: AttentionInputs, previous: Mask, scores: Tensor, candidates: OpenUnits) -> IndexRows:
        """Which of the ``candidates`` to take, by ``scores`` (b, rows, q, units): rows (b, rows, q) of units."""

    def aggregate(self, inputs: AttentionInputs, scores: Tensor, candidates: OpenUnits) -> Tensor:
        """One row a KV head from the rows of its query heads, (b, hkv, q, units): the sum of their scores.

        ``scores`` (b, hq, q, units); ``candidates``: what each query head has not taken yet.
        """
        return by_group(scores, inputs.kv_heads).sum(2)

    def group_scores(self, inputs: AttentionInputs, index: KeyIndex | None, candidates: OpenUnits) -> Tensor:
        """The scores of a selection that a KV group shares, (b, hkv, q, units): here `scores`, aggregated.

        A method whose aggregate can be had from less than every query head's scores writes this one.
        """
        scores = self._of_all_units(inputs, candidates.count, self.scores(inputs, index))
        return scores if scores.shape[1] == inputs.kv_heads else self.aggregate(inputs, scores, candidates)

    def add_mask(self, inputs: AttentionInputs, previous: Mask) -> Mask:
        """The previous mask and the selection."""
        if previous.representation == "full":
            return previous
        units = Units.of(inputs, self.unit_size)
        candidates = OpenUnits.of(inputs, units, previous.certain())
        index = index_of(self.config, inputs, self.create_index)
        scores = self.group_scores(inputs, index, candidates) if self.share_kv_group else self.scores(inputs, index)
        scores = self._of_all_units(inputs, units.count, scores)
        rows = scores.shape[1]
        chosen = self.select(inputs, previous, scores, candidates.of_groups(rows))
        selection = Mask(inputs.shape, units.columns(chosen, inputs.shape[3]))
        # A unit may hold keys that the row cannot see, and a row that heads share keys that not all of them see.
        seen_by_all = inputs.unmasked or (self.unit_size == 1 and inputs.visible.shape[1] in (1, rows))
        return previous | (selection if seen_by_all else selection.restrict(inputs.visible))

    def _of_all_units(self, inputs: AttentionInputs, units: int, scores: Tensor) -> Tensor:
        b, hq, q, _ = inputs.shape
        if scores.shape[:3] not in {(b, hq, q), (b, inputs.kv_heads, q)} or scores.shape[3] > units:
            raise CompositionError(
                f"{self.config.kind} scored a tensor of shape {tuple(scores.shape)}; "
                f"expected ({b}, {hq} or {inputs.kv_heads}, {q}, up to {units})"
            )
        return pad(scores, (0, units - scores.shape[3]), value=-torch.inf) if scores.shape[3] < units else scores
