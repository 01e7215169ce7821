"""The best possible top-k: by the exact logits."""

from __future__ import annotations

import torch
from torch import Tensor

from sah_core import AttentionInputs, KeyIndex, OpenUnits, TopKMasker

from . import OracleTopKConfig

__all__ = ["OracleTopK"]


class OracleTopK(TopKMasker[OracleTopKConfig]):
    """Keep the keys with the largest exact logits: no choice of as many keys captures more attention.

    The output then differs from dense attention by at most 2 (1 - captured mass) max |v|. Heads that share a selection
    rank by the sum of their attention weights.
    """

    def scores(self, inputs: AttentionInputs, index: KeyIndex | None) -> Tensor:
        """The logits s_j = scaling <q, k_j> + mask_j, one row a query head."""
        return inputs.logits

    def aggregate(self, inputs: AttentionInputs, scores: Tensor, candidates: OpenUnits) -> Tensor:
        """The sum over the group of softmax(s), in double precision: rounding then keeps equal keys equal."""
        weights = scores.double().masked_fill(~inputs.visible, -torch.inf).softmax(-1)
        return super().aggregate(inputs, weights, candidates).to(scores.dtype)
