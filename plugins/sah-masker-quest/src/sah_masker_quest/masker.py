"""Quest: the pages of keys that could hold the largest logits."""

from __future__ import annotations

import torch
from torch import Tensor

from sah_core import AttentionInputs, KeyIndex, Mask, OpenUnits, TopKMasker, Units
from sah_core.compiled.available import compiles
from sah_core.grouped_heads import by_group, grouped_scores
from sah_core.kernels.available import interpreted, triton_refuses
from sah_core.mask import IndexRows

from . import QuestConfig
from .boxes import Boxes

__all__ = ["Quest"]

FEW = 16
"""Queries of a KV head up to which a loop over them beats a matrix product."""


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
        return self._bounds(inputs, index, inputs.shape[1])

    def group_scores(self, inputs: AttentionInputs, index: KeyIndex | None, candidates: OpenUnits) -> Tensor:
        """The largest bound of the query heads of a KV head, (b, hkv, q, pages).

        Scaling, softcap and a bias that the heads have in common keep the order of bounds, so that the largest product
        is enough. A head with candidates or a bias of its own needs its own bounds.
        """
        bias = inputs.additive_mask
        if candidates.cells.shape[1] > 1 or (bias is not None and bias.shape[1] > 1):
            return super().group_scores(inputs, index, candidates)
        return self._bounds(inputs, index, inputs.kv_heads)

    def _bounds(self, inputs: AttentionInputs, index: KeyIndex | None, heads: int) -> Tensor:
        """U_p of hq ``heads``, or the largest of the query heads of each of hkv."""
        assert isinstance(index, Boxes)  # what create_index made
        falls = inputs.logit_scaling < 0
        q = -inputs.queries if falls else inputs.queries
        bound = self._products(inputs, q, index.corners, heads)
        if bound.dtype != inputs.compute_dtype:
            # A product in 16 bits is rounded to them: a step up keeps it a bound.
            bound = bound.to(inputs.compute_dtype)
            bound = bound + bound.abs() * torch.finfo(q.dtype).eps
        bound = inputs.scaled(-bound if falls else bound)
        bias = inputs.additive_mask
        if bias is None:
            return bound
        bias = bias.masked_fill(~inputs.visible, -torch.inf)
        return bound + Units.of(inputs, self.config.page_size).largest_of(bias)[..., : bound.shape[3]]

    def _products(self, inputs: AttentionInputs, q: Tensor, corners: Tensor, heads: int) -> Tensor:
        """relu(q) . kmax - relu(-q) . kmin, (b, heads, q, pages), in float32 or, as torch's product, in q's dtype."""
        if (inputs.device.type != "cpu" or interpreted()) and triton_refuses(inputs) is None:
            from sah_core.kernels import paging

            width = q.shape[3]
            products = paging.page_bounds(q, corners[..., :width], corners[..., width:])
            return products if heads == q.shape[1] else by_group(products, heads).amax(2)
        loops = compiles(q, corners)
        if loops and inputs.group_size * q.shape[2] <= FEW:
            from .loops import page_bounds

            return page_bounds(q, corners, heads)
        # Where loops bound few queries in float32 so are many: a query's pages must not hang on how many there are.
        factors = torch.cat([q.relu(), (-q).relu()], -1)
        products = grouped_scores(factors.float() if loops else factors, corners)
        return products if heads == q.shape[1] else by_group(products, heads).amax(2)

    def aggregate(self, inputs: AttentionInputs, scores: Tensor, candidates: OpenUnits) -> Tensor:
        """The largest bound among the query heads that still lack a key of the page: a bound for the group."""
        return by_group(candidates.hide(scores, -torch.inf), inputs.kv_heads).amax(2)

    def select(self, inputs: AttentionInputs, previous: Mask, scores: Tensor, candidates: OpenUnits) -> IndexRows:
        """The pages with the largest bounds; with ``keep_last_page`` the last candidate before all others."""
        if self.config.keep_last_page:
            page = torch.arange(candidates.count, device=scores.device)
            last = (candidates.cells_like(scores) * page).amax(-1, keepdim=True)
            scores = scores.scatter(-1, last.expand(*scores.shape[:3], 1), torch.inf)
        return super().select(inputs, previous, scores, candidates)
