"""`Meter`: counts what sparse attention calls attended to, and how far their outputs are from dense ones."""

from __future__ import annotations

import attrs
import torch
from torch import Tensor

from sah_core import AttentionInputs, AttentionOutput, Mask, masked_attention

from .report import LayerReport

__all__ = ["Meter"]


@attrs.define
class _Totals:
    """Sums over the calls of one layer; tensors stay on their device until they are read."""

    attended: Tensor  # (hq,) int64
    visible: Tensor  # (hq,) int64
    errors: Tensor  # sum over queries of their relative error
    rows: Tensor  # how many queries that is
    calls: int = 0


class Meter:
    """The measurements of one request, layer by layer; with ``measure_error`` each call is computed densely as well."""

    def __init__(self, *, measure_error: bool = False) -> None:
        self.measure_error = measure_error
        self._layers: dict[int, _Totals] = {}

    def record(self, inputs: AttentionInputs, output: AttentionOutput) -> None:
        """Count one sparse call."""
        heads, device = inputs.queries.shape[1], inputs.device
        totals = self._layers.get(inputs.layer_idx)
        if totals is None:
            counts = torch.zeros(2, heads, dtype=torch.int64, device=device)
            sums = torch.zeros(2, dtype=torch.float32, device=device)
            totals = self._layers[inputs.layer_idx] = _Totals(counts[0], counts[1], sums[0], sums[1])
        rows = inputs.shape[:3]
        totals.calls += 1
        totals.attended = totals.attended + output.mask.attended(inputs.visible).sum((0, 2))
        totals.visible = totals.visible + inputs.visible_counts.expand(rows).sum((0, 2))
        if self.measure_error:
            errors = _relative_errors(inputs, output.output)
            totals.errors = totals.errors + errors.sum()
            totals.rows = totals.rows + errors.numel()

    @property
    def calls(self) -> int:
        """How many sparse calls were made, in all layers together."""
        return sum(totals.calls for totals in self._layers.values())

    @property
    def density(self) -> float | None:
        """Attended over visible keys of everything counted; None where nothing was."""
        attended = sum(int(totals.attended.sum()) for totals in self._layers.values())
        visible = sum(int(totals.visible.sum()) for totals in self._layers.values())
        return attended / visible if visible else None

    def layer(self, number: int) -> LayerReport:
        """What was counted for a layer; a layer without sparse calls is a dense one."""
        totals = self._layers.get(number)
        if totals is None:
            return LayerReport(number, "dense", 0, None, None)
        density = tuple((totals.attended / totals.visible).tolist())
        error = float(totals.errors / totals.rows) if self.measure_error else None
        return LayerReport(number, "sparse", totals.calls, density, error)


def _relative_errors(inputs: AttentionInputs, output: Tensor) -> Tensor:
    """|sparse - dense| / |dense| of each query's output vector, all heads together; of queries that see a key."""
    # Without dropout: a second draw would compare noise, and take numbers from the generator that the answer uses.
    dense = masked_attention(attrs.evolve(inputs, dropout=0.0), Mask.full(inputs.shape))
    dense, sparse = (each.float().transpose(1, 2).flatten(2) for each in (dense, output))  # (b, q, hq * dv)
    norms = torch.linalg.vector_norm(dense, dim=-1)
    errors: Tensor = torch.linalg.vector_norm(sparse - dense, dim=-1) / norms
    return errors[norms > 0]
