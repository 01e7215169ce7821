"""PQCache: the keys with the largest logits, as product-quantised keys give them."""

from __future__ import annotations

import torch
from torch import Tensor

from sah_core import AttentionInputs, InputsError, KeyIndex, OpenUnits, TopKMasker
from sah_core.grouped_heads import by_group

from . import PQCacheConfig
from .codebook import Codebook
from .group_weights import group_weights
from .joint import joint_table, looked_up

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
        tables = self._tables(inputs, index)
        if inputs.unmasked and len(tables) == 1:
            return looked_up(inputs.scaled(tables[0]), index.joint_codes[:, :, 0]).reshape(b, hq, q, index.length)
        codes = index.joint_codes.unbind(2)
        products = looked_up(tables[0], codes[0])
        for table, of_keys in zip(tables[1:], codes[1:], strict=True):
            products += looked_up(table, of_keys)
        return inputs.logits_from(products.reshape(b, hq, q, index.length))

    def group_scores(self, inputs: AttentionInputs, index: KeyIndex | None, candidates: OpenUnits) -> Tensor:
        """What `aggregate` makes of the scores; of joint codes where keys are only told apart by them, not of keys.

        That is where every key is visible, and what is taken already is taken by all heads of a group. A group of one
        head has nothing to sum, and its own scores order keys more finely than what is rounded here.
        """
        assert isinstance(index, Codebook)  # what create_index made
        closed, hkv = candidates.closed, inputs.kv_heads
        b, hq, q, _ = inputs.shape
        counts = None if closed is None or hq == hkv or hkv % closed.rows[1] else index.open_counts(closed)
        if counts is None:
            return super().group_scores(inputs, index, candidates)
        logits = inputs.scaled(self._tables(inputs, index)[0]).reshape(b, hkv, hq // hkv, q, -1)
        return looked_up(group_weights(logits, counts), index.joint_codes[:, :, 0])

    def aggregate(self, inputs: AttentionInputs, scores: Tensor, candidates: OpenUnits) -> Tensor:
        """The logarithm of the group's summed softmax(s), each query head's over its own candidates.

        In double precision and then rounded to single, so that equal keys, of which there are many, stay equal.
        """
        weights = candidates.hide(scores.double(), -torch.inf).log_softmax(-1).nan_to_num(nan=-torch.inf)
        return by_group(weights, inputs.kv_heads).logsumexp(2).float()

    def _tables(self, inputs: AttentionInputs, index: Codebook) -> list[Tensor]:
        """The products of every query with the keys that joint codes stand for: (b, hkv, g * q, codes) a number."""
        centroids = index.centroids.to(inputs.compute_dtype)  # (b, hkv, M, C, w)
        queries = inputs.queries.detach().to(centroids.dtype)  # no gradient follows a selection
        parts = queries.reshape(inputs.shape[0], inputs.kv_heads, -1, *centroids.shape[2::2])
        tables = parts.transpose(2, 3) @ centroids.mT  # (b, hkv, M, g * q, C)
        return [joint_table(several) for several in torch.split(tables, index.together, 2)]
