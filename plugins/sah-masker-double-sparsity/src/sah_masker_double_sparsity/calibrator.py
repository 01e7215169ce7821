"""Find the heavy channels of every layer and KV head."""

from __future__ import annotations

from collections.abc import Mapping

import torch
from torch import Tensor

from sah_core import AttentionInputs, CalibrationError, Calibrator, NumericalError
from sah_core.grouped_heads import by_group

from . import DoubleSparsityConfig, DoubleSparsitySettings

__all__ = ["ChannelCalibrator"]


class ChannelCalibrator(Calibrator[DoubleSparsityConfig, DoubleSparsitySettings]):
    """Ranks the channels c by the sum of |q_c k_c| over the tokens and the query heads of a KV head.

    q and k are those of the same token, after the rotary embedding, as attention multiplies them; tokens that do not
    see themselves (padding) do not count. The sums run over all blocks, in float64, on the CPU.

    Source: arXiv:2408.07092, section 3.1, and the authors' offline_calibration.py, "Method 1"; that code keeps the last
    block's statistics only and mixes heads with tokens, which is not followed.
    """

    def __init__(self, config: DoubleSparsityConfig, settings: DoubleSparsitySettings) -> None:
        super().__init__(config, settings)
        self._sums: dict[int, Tensor] = {}  # layer: (hkv, d)

    def observe(self, inputs: AttentionInputs) -> None:
        """Add one block's |q_c k_c|.

        Raises CalibrationError where group_factor does not divide the head dimension, NumericalError for NaN or
        infinity.
        """
        d, layer = inputs.queries.shape[3], inputs.layer_idx
        if d % self.config.group_factor:
            raise CalibrationError(
                f"double_sparsity: group_factor {self.config.group_factor} does not divide the head dimension {d} of "
                f"layer {layer}; use one that does, such as 1 or 2"
            )
        queries = by_group(inputs.queries.double(), inputs.kv_heads)  # (b, hkv, g, n, d)
        products = (queries * inputs.keys.double().unsqueeze(2)).abs()
        seen = inputs.visible.diagonal(dim1=-2, dim2=-1).expand(inputs.shape[:3])  # (b, hq, n)
        products = torch.where(by_group(seen, inputs.kv_heads).unsqueeze(-1), products, 0.0)
        sums = products.sum((0, 2, 3)).cpu()  # (hkv, d)
        if not bool(sums.isfinite().all()):
            raise NumericalError(f"double_sparsity: layer {layer} has NaN or infinity among its queries or keys")
        self._sums[layer] = self._sums[layer] + sums if layer in self._sums else sums

    def result(self) -> dict[str, dict[int, Tensor]]:
        """For each layer ``channels`` (hkv, d) int64: all channels, the heaviest first, equal ones in order."""
        return {"channels": {layer: _ranked(sums).indices for layer, sums in self._sums.items()}}

    def state(self) -> dict[str, Tensor]:
        """The sums."""
        return {str(layer): sums.clone() for layer, sums in self._sums.items()}

    def restore(self, state: Mapping[str, Tensor]) -> None:
        """Go on from these sums."""
        self._sums = {int(layer): sums.clone() for layer, sums in state.items()}

    def measures(self) -> dict[str, float]:
        """``heavy_share``: the share of all |q_c k_c| that the r heavy channels hold, mean over layers and heads."""
        if not self._sums:
            return {}
        ranked = torch.stack([_ranked(sums).values for sums in self._sums.values()])  # (layers, hkv, d)
        heavy = ranked[..., : ranked.shape[-1] // self.config.group_factor].sum(-1)
        return {"heavy_share": float((heavy / ranked.sum(-1)).nan_to_num(0.0).mean())}


def _ranked(sums: Tensor) -> torch.return_types.sort:
    return sums.sort(dim=-1, descending=True, stable=True)
