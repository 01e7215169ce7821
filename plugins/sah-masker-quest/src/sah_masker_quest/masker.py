"""Quest: the pages of keys that could hold the largest logits."""

from __future__ import annotations

import torch
from torch import Tensor

from sah_core import AttentionInputs, KeyIndex, Mask, OpenUnits, PageIndex, TopKMasker, Units
from sah_core.grouped_heads import by_group, grouped_scores
from sah_core.mask import IndexRows

from . import QuestConfig

__all__ = ["Quest"]


class Quest(TopKMasker[QuestConfig]):
    """Keep the pages whose keys could have the largest logits (Tang et al. 2024, arXiv:2406.10774, figure 5).

    A page p knows of its keys only the box they lie in: kmin_p <= k_j <= kmax_p in every channel. So no logit of the
    page exceeds

        U_p = sum over channels c of max(q_c kmin_pc, q_c kmax_pc) = relu(q) . kmax_p - relu(-q) . kmin_p,

    the corner of the box that q likes best; the right-hand side takes two matrix products and no tensor of queries x
    pages x channels. The scaling is folded into q first, and U_p follows the logit through the softcap and, with the
    largest additive bias of the page's visible keys, the attention mask: it bounds the logit that attention uses.
    (The authors' evaluation code adds biases to a bound not yet scaled; they are added after scaling here.)
    """

    @property
    def unit_size(self) -> int:
        """Keys in a page."""
        return self.config.page_size

    def create_index(self, inputs: AttentionInputs) -> PageIndex:
        """The pages' boxes: the minimum and maximum of every channel."""
        return PageIndex(self.config.page_size, inputs.padding_columns, "amin", "amax")

    def scores(self, inputs: AttentionInputs, index: KeyIndex | None) -> Tensor:
        """U_p, an upper bound of the logits of the page's visible keys; (b, hq, q, pages) in the compute dtype."""
        assert isinstance(index, PageIndex)  # what create_index made
        dtype = inputs.compute_dtype
        scaling = inputs.queries.shape[3] ** -0.5 if inputs.scaling is None else inputs.scaling
        q = inputs.queries.to(dtype) * scaling
        highest = grouped_scores(q.relu(), index.of("amax").to(dtype))
        bound = highest - grouped_scores((-q).relu(), index.of("amin").to(dtype))  # (b, hq, q, pages)
        if inputs.softcap is not None:
            bound = torch.tanh(bound / inputs.softcap) * inputs.softcap
        if inputs.attention_mask is None or not inputs.attention_mask.is_floating_point():
            return bound
        bias = inputs.attention_mask[..., : inputs.shape[3]].to(dtype).masked_fill(~inputs.visible, -torch.inf)
        return bound + Units.of(inputs, self.config.page_size).largest_of(bias)[..., : bound.shape[3]]

    def aggregate(self, inputs: AttentionInputs, scores: Tensor, candidates: OpenUnits) -> Tensor:
        """The largest bound among the query heads that still lack a key of the page: a bound for the group."""
        missing = candidates.hide(scores, -torch.inf)
        return by_group(missing, inputs.kv_heads).amax(2)

    def select(self, inputs: AttentionInputs, previous: Mask, scores: Tensor, candidates: OpenUnits) -> IndexRows:
        """The pages with the largest bounds; with ``keep_last_page`` the last candidate before all others."""
        if self.config.keep_last_page:
            page = torch.arange(candidates.count, device=scores.device)
            last = torch.where(candidates.cells, page, -1).amax(-1, keepdim=True)
            scores = torch.where(page == last, torch.inf, scores)
        return super().select(inputs, previous, scores, candidates)
