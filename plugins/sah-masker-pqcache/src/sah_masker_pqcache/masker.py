"""PQCache: the keys with the largest logits, as product-quantised keys give them."""

from __future__ import annotations

import torch
from torch import Tensor

from sah_core import AttentionInputs, InputsError, KeyIndex, OpenUnits, TopKMasker
from sah_core.grouped_heads import by_group

from . import PQCacheConfig
from .codebook import Codebook

__all__ = ["PQCache"]


class PQCache(TopKMasker[PQCacheConfig]):
    """Keep the keys with the largest approximate logits (Zhang et al. 2024, arXiv:2407.12820).

    Keys and queries are cut into M parts; key j is known by the centroids its parts are nearest to, code_{m,j} for part
    m. A query computes one product a centroid and then only looks up:

        T[m, c] = <q_m, centroid_{m,c}>        s_j = scaling * sum over m of T[m, code_{m,j}],

    which differs from the exact logit by at most scaling * sum over m of |q_m| |k_{j,m} - centroid_{m,code_{m,j}}|.
    Softcap and additive mask follow, as for exact logits.
    """

    def create_index(self, inputs: AttentionInputs) -> Codebook:
        """The codebook and codes; InputsError for a head dimension that cannot be cut into M equal parts."""
        d, m = inputs.keys.shape[3], self.config.subvectors
        if d % m:
            raise InputsError(
                f"pqcache: subvectors {m} does not divide the head dimension {d}; use one that does, such as 1"
            )
        name = ("pqcache", inputs.seed, inputs.layer_idx, inputs.masker_position)
        return Codebook(self.config, inputs.padding_columns, name)

    def scores(self, inputs: AttentionInputs, index: KeyIndex | None) -> Tensor:
        """s_j for every query head, (b, hq, q, keys) in the compute dtype."""
        assert isinstance(index, Codebook)  # what create_index made
        b, hq, q, _ = inputs.shape
        centroids = index.centroids.to(inputs.compute_dtype)  # (b, hkv, M, C, w)
        parts = inputs.queries.to(centroids.dtype).reshape(b, inputs.kv_heads, -1, *centroids.shape[2::2])
        tables = parts.transpose(2, 3) @ centroids.mT  # (b, hkv, M, g * q, C)
        codes = index.codes.long().transpose(2, 3).unsqueeze(3)  # (b, hkv, M, 1, keys)
        products = tables.new_zeros((*tables.shape[:2], tables.shape[3], index.length))
        for table, code in zip(tables.unbind(2), codes.unbind(2), strict=True):
            products += table.gather(-1, code.expand_as(products))
        return inputs.logits_from(products.reshape(b, hq, q, index.length))

    def aggregate(self, inputs: AttentionInputs, scores: Tensor, candidates: OpenUnits) -> Tensor:
        """The logarithm of the group's summed softmax(s), each query head's over its own candidates.

        In double precision, so that rounding to the scores' keeps equal keys, of which there are many, equal.
        """
        weights = candidates.hide(scores.double(), -torch.inf).log_softmax(-1).nan_to_num(nan=-torch.inf)
        return by_group(weights, inputs.kv_heads).logsumexp(2).to(scores.dtype)
