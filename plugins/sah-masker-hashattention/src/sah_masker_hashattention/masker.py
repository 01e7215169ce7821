"""HashAttention: select keys by learned bit signatures."""

from __future__ import annotations

from torch import Tensor

from sah_core import AttentionInputs, KeyIndex, OpenUnits, TopKMasker, load_calibration
from sah_core.grouped_heads import by_group

from . import HashAttentionConfig
from .agreement import agreement
from .networks import Network, Networks
from .signatures import Signatures, signs

__all__ = ["HashAttention"]


class HashAttention(TopKMasker[HashAttentionConfig]):
    """Keep the ``budget`` keys whose signature differs from the query's in the fewest bits.

    With phi_q and phi_k the networks of a query head and of its KV head, and B bits,

        score_j = sum over b of sign phi_q(q)_b sign phi_k(k_j)_b = B - 2 |{b : the signatures differ}|

    where sign is +1 for a positive value and -1 for any other. It takes B + 1 values; equal ones go to the lower
    position. An additive mask's finite values do not enter the score.

    Raises CalibrationError for a folder without a calibration of this kind, or of a model with other layers, heads or
    dimension, or with another number of bits.

    Source: Desai et al. 2024, arXiv:2412.14468; the authors have a phi_k for every query head, here a KV head has one.
    """

    def __init__(self, config: HashAttentionConfig) -> None:
        super().__init__(config)
        self.calibration = load_calibration(config.weights, config.kind)
        self.networks = Networks(self.calibration, config.bits)

    def create_index(self, inputs: AttentionInputs) -> KeyIndex | None:
        """The keys' signatures, with this layer's phi_k."""
        return Signatures(self._network("key", inputs, inputs.kv_heads))

    def scores(self, inputs: AttentionInputs, index: KeyIndex | None) -> Tensor:
        """The score of every key, one row a query head; exact."""
        b, hq, q, _ = inputs.shape
        bits = self._query_bits(inputs).reshape(b, inputs.kv_heads, -1, 1, self.config.bits)
        return self._scores(bits, index).reshape(b, hq, q, -1)

    def group_scores(self, inputs: AttentionInputs, index: KeyIndex | None, candidates: OpenUnits) -> Tensor:
        """The sum of the group's scores, one row a KV head; exact."""
        return self._scores(by_group(self._query_bits(inputs), inputs.kv_heads).transpose(2, 3), index)

    def _scores(self, bits: Tensor, index: KeyIndex | None) -> Tensor:
        assert isinstance(index, Signatures)  # what create_index made
        return agreement(bits, index.packed)

    def _query_bits(self, inputs: AttentionInputs) -> Tensor:
        return signs(self._network("query", inputs, inputs.shape[1]), inputs.queries)

    def _network(self, name: str, inputs: AttentionInputs, heads: int) -> Network:
        return self.networks.of(name, inputs.layer_idx, heads, inputs.queries.shape[3], inputs.device)
