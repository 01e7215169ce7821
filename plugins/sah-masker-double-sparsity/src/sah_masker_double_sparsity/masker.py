"""Double Sparsity: select keys by a few heavy channels."""

from __future__ import annotations

from torch import Tensor

from sah_core import AttentionInputs, InputsError, KeyIndex, OpenUnits, TopKMasker, load_calibration
from sah_core.grouped_heads import by_group

from . import DoubleSparsityConfig
from .blocks import products_in_blocks
from .labels import LabelCache, read_channels

__all__ = ["DoubleSparsity"]


class DoubleSparsity(TopKMasker[DoubleSparsityConfig]):
    """Keep the ``budget`` keys with the largest logits over r of the d channels, r = d / group_factor.

    With C the heavy channels, the estimated logit of key j is that of attention over C alone,

        s_j = scaling sum over c in C of q_c k_jc   (soft-capped, plus the additive mask)

    * A calibration folder names C for each layer and KV head, the r of largest mean |q_c k_c|; their values are kept
      in a label cache (`LabelCache`), and only that is read.
    * ``channels = "online"``: C is, for each query, the r channels of largest |q_c|, equal ones in order of c; where
      heads share a selection, of the largest sum of |q_c| over the group. There is no label cache.

    Raises InputsError for a head dimension that group_factor does not divide; CalibrationError for a folder without a
    calibration of this kind, or of a model with other layers, heads or dimension.

    Source: Yang et al. 2024, arXiv:2408.07092, section 3, with one list a KV head; online: the channel rule of SparQ
    (Ribar et al. 2023, arXiv:2312.04985).
    """

    def __init__(self, config: DoubleSparsityConfig) -> None:
        super().__init__(config)
        self.calibration = None if config.channels == "online" else load_calibration(config.channels, config.kind)

    def create_index(self, inputs: AttentionInputs) -> KeyIndex | None:
        """A label cache of the layer's heavy channels; none online."""
        if self.calibration is None:
            return None
        shape = (inputs.kv_heads, inputs.keys.shape[3])
        ranked = self.calibration.of_layer("channels", inputs.layer_idx, shape)
        # In the order of the channels, so that all of them are the key itself.
        heavy = ranked[:, : self._heavy(inputs)].long().sort(-1).values
        return LabelCache(heavy.to(inputs.device), self.config.label_bits)

    def scores(self, inputs: AttentionInputs, index: KeyIndex | None) -> Tensor:
        """The logits s_j, one row a query head."""
        b, hq, q, d = inputs.shape[0], *inputs.queries.shape[1:]
        queries = self._heavy_queries(inputs).reshape(b, inputs.kv_heads, -1, d)
        return inputs.logits_from(self._products(inputs, queries, index).reshape(b, hq, q, -1))

    def group_scores(self, inputs: AttentionInputs, index: KeyIndex | None, candidates: OpenUnits) -> Tensor:
        """The sum of the group's logits, one row a KV head.

        Without softcap it is the logit of the summed queries: one product for all of them. Each head's own is needed
        under a softcap, and under a mask that differs from head to head.
        """
        alike = inputs.attention_mask is None or inputs.attention_mask.shape[1] == 1
        if inputs.softcap is not None or not alike:
            return super().group_scores(inputs, index, candidates)
        queries = by_group(self._heavy_queries(inputs), inputs.kv_heads).sum(2)
        scores = inputs.scaled(self._products(inputs, queries, index))
        bias = inputs.additive_mask
        return scores if bias is None else scores + bias[..., : scores.shape[3]] * inputs.group_size

    def _heavy_queries(self, inputs: AttentionInputs) -> Tensor:
        """The queries in the compute dtype, online without their light channels; no gradient follows a selection."""
        queries = inputs.queries if self.calibration is not None else self._without_light_channels(inputs)
        return queries.detach().to(inputs.compute_dtype)

    def _products(self, inputs: AttentionInputs, queries: Tensor, index: KeyIndex | None) -> Tensor:
        """Products of queries (b, hkv, rows, d) with the keys' heavy channels, (b, hkv, rows, keys)."""
        if isinstance(index, LabelCache):
            return index.products(read_channels(queries, index.channels))
        return products_in_blocks(queries, inputs.keys.detach().mT)

    def _without_light_channels(self, inputs: AttentionInputs) -> Tensor:
        """The queries (b, hq, q, d), zero outside the r channels where they are largest."""
        weight = inputs.queries.abs()
        if self.config.share_kv_group:
            group = by_group(weight.to(inputs.compute_dtype), inputs.kv_heads).sum(2)
            weight = group.repeat_interleave(inputs.group_size, 1)
        light = weight.sort(dim=-1, descending=True, stable=True).indices[..., self._heavy(inputs) :]
        return inputs.queries.scatter(-1, light, 0.0)

    def _heavy(self, inputs: AttentionInputs) -> int:
        """The number r of heavy channels."""
        d, factor = inputs.queries.shape[3], self.config.group_factor
        if d % factor:
            raise InputsError(
                f"double_sparsity: group_factor {factor} does not divide the head dimension {d}; "
                "use one that does, such as 1 or 2"
            )
        return d // factor
