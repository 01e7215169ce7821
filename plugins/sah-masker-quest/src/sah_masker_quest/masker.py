"""Quest: the pages of keys that could hold the largest logits."""

from __future__ import annotations

import torch
from torch import Tensor

from sah_core import AttentionInputs, KeyIndex, Mask, OpenUnits, TopKMasker, Units
from sah_core.grouped_heads import by_group, grouped_scores
from sah_core.kernels.available import interpreted, triton_refuses
from sah_core.mask import IndexRows

from . import QuestConfig
from .boxes import Boxes

__all__ = ["Quest"]


class Quest(TopKMasker[QuestConfig]):
    """Keep the pages whose keys could have the largest logits (Tang et al. 2024, arXiv:2406.10774, figure 5).

    A page p knows of its keys only the box they lie in: kmin_p <= k_j <= kmax_p in every channel. So no logit of the
    page exceeds

        U_p = sum over channels c of max(q_c kmin_pc, q_c kmax_pc) = relu(q) . kmax_p - relu(-q) . kmin_p,

    the corner of the box that q likes best; the right-hand side is one matrix product with [kmax_p, -kmin_p], in the
    keys' dtype, and takes no tensor of queries x pages x channels. U_p is scaled like a logit, and follows the logit
    through the softcap and, with the largest additive bias of the page's visible keys, the attention mask: it bounds
    the logit that attention uses. (The authors' evaluation code adds biases to a bound not yet scaled; they are added
    after scaling here.)
    """

    @property
    def unit_size(self) -> int:
        """Keys in a page."""
        return self.config.page_size

    def create_index(self, inputs: AttentionInputs) -> Boxes:
        """The pages' boxes."""
        return Boxes(self.config.page_size, inputs.padding_columns)

    def scores(self, inputs: AttentionInputs, index: KeyIndex | None) -> Tensor:
        """U_p, an upper bound of the logits of the page's visible keys; (b, hq, q, pages) in the compute dtype."""
        assert isinstance(index, Boxes)  # what create_index made
        scaling = inputs.logit_scaling
        q = inputs.queries if scaling >= 0 else -inputs.queries
        bound = self._bound(inputs, q, index.corners)
        if bound.dtype != inputs.compute_dtype:
            # A product in 16 bits is rounded to them: a step up keeps it a bound.
            bound = bound.to(inputs.compute_dtype)
            bound = bound + bound.abs() * torch.finfo(q.dtype).eps
        bound = bound * abs(scaling)
        if inputs.softcap is not None:
            bound = torch.tanh(bound / inputs.softcap) * inputs.softcap
        bias = inputs.additive_mask
        if bias is None:
            return bound
        bias = bias.masked_fill(~inputs.visible, -torch.inf)
        return bound + Units.of(inputs, self.config.page_size).largest_of(bias)[..., : bound.shape[3]]

    def _bound(self, inputs: AttentionInputs, q: Tensor, corners: Tensor) -> Tensor:
        """relu(q) . kmax - relu(-q) . kmin, (b, hq, q, pages), in float32 or, as a plain product, in q's dtype."""
        if (inputs.device.type != "cpu" or interpreted()) and triton_refuses(inputs) is None:
            from sah_core.kernels.paging import page_bounds

            width = q.shape[3]
            return page_bounds(q, corners[..., :width], corners[..., width:])
        return grouped_scores(torch.cat([q.relu(), (-q).relu()], -1), corners)

    def aggregate(self, inputs: AttentionInputs, scores: Tensor, candidates: OpenUnits) -> Tensor:
        """The largest bound among the query heads that still lack a key of the page: a bound for the group."""
        if candidates.cells.shape[1] > 1:  # else what one head lacks, all do
            scores = candidates.hide(scores, -torch.inf)
        return by_group(scores, inputs.kv_heads).amax(2)

    def select(self, inputs: AttentionInputs, previous: Mask, scores: Tensor, candidates: OpenUnits) -> IndexRows:
        """The pages with the largest bounds; with ``keep_last_page`` the last candidate before all others."""
        if self.config.keep_last_page:
            page = torch.arange(candidates.count, device=scores.device)
            last = torch.where(candidates.cells, page, -1).amax(-1, keepdim=True)
            scores = torch.where(page == last, torch.inf, scores)
        return super().select(inputs, previous, scores, candidates)
