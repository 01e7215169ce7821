"""Double Sparsity: select keys by a few heavy channels."""

from __future__ import annotations

from torch import Tensor

from sah_core import AttentionInputs, InputsError, KeyIndex, TopKMasker, load_calibration
from sah_core.grouped_heads import by_group, grouped_scores

from . import DoubleSparsityConfig
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
        if isinstance(index, LabelCache):
            queries = read_channels(inputs.queries, index.channels.repeat_interleave(inputs.group_size, 0))
            keys = index.labels(inputs.compute_dtype)
        else:
            queries, keys = self._without_light_channels(inputs), inputs.keys
        dtype = inputs.compute_dtype
        return inputs.logits_from(grouped_scores(queries.to(dtype), keys.to(dtype)))

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
