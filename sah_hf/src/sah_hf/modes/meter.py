"""`Meter`: counts what sparse attention calls attended to, and how far their outputs are from dense ones."""

from __future__ import annotations

import threading
from collections import Counter
from functools import reduce
from operator import add

import attrs
import torch
from torch import Tensor

from sah_core import AttentionInputs, AttentionOutput, Mask, masked_attention
from sah_hf.reports.report import LayerReport

__all__ = ["Meter"]


@attrs.define
class _Totals:
    """Sums over the calls of one layer in one thread; tensors stay on their device until they are read."""

    attended: Tensor  # (hq,) int64
    visible: Tensor  # (hq,) int64
    errors: Tensor  # sum over queries of their relative error
    rows: Tensor  # how many queries that is
    visible_to_all: int = 0  # of calls without a mask, each head's; beside ``visible``
    paths: Counter[str] = attrs.field(factory=Counter)  # of calls

    @property
    def density(self) -> Tensor:  # (hq,)
        return self.attended / (self.visible + self.visible_to_all)

    def __add__(self, other: _Totals) -> _Totals:
        return _Totals(*(getattr(self, each.name) + getattr(other, each.name) for each in attrs.fields(_Totals)))


class Meter:
    """The measurements of one request, layer by layer; with ``measure_error`` each call is computed densely as well.

    Threads that share a mode count apart, each in sums of its own, which are added when they are read.
    """

    def __init__(self, *, measure_error: bool = False) -> None:
        self.measure_error = measure_error
        self._totals: dict[tuple[int, int], _Totals] = {}  # of a thread and a layer
        self._dense: Counter[tuple[int, int]] = Counter()  # calls, likewise
        self._asked = (0, 0)

    def record(self, inputs: AttentionInputs, output: AttentionOutput) -> None:
        """Count one sparse call."""
        heads, device = inputs.queries.shape[1], inputs.device
        place = threading.get_ident(), inputs.layer_idx
        totals = self._totals.get(place)
        if totals is None:
            counts = torch.zeros(2, heads, dtype=torch.int64, device=device)
            sums = torch.zeros(2, dtype=torch.float32, device=device)
            totals = self._totals[place] = _Totals(counts[0], counts[1], sums[0], sums[1])
        totals.paths[output.path] += 1
        b, hq, q, k = inputs.shape
        if inputs.unmasked:
            totals.visible_to_all += b * q * k
            kept = output.mask
        else:
            totals.visible = totals.visible + inputs.visible_counts.expand(b, hq, q).sum((0, 2))
            kept = output.mask.restrict(inputs.visible)  # as it is stored: heads that share a row are looked up once
        # A mask that stores nothing is on no device.
        totals.attended = totals.attended + kept.attended().to(inputs.device).sum((0, 2))
        if self.measure_error:
            errors = _relative_errors(inputs, output.output)
            totals.errors = totals.errors + errors.sum()
            totals.rows = totals.rows + errors.numel()

    def record_dense(self, layer: int) -> None:
        """Count a call that stayed dense among sparse ones."""
        self._dense[threading.get_ident(), layer] += 1

    @property
    def calls(self) -> int:
        """How many sparse calls were made, in all layers together."""
        return sum(totals.paths.total() for totals in self._totals.copy().values())

    def newly_counted(self) -> tuple[int, int]:
        """Keys attended to and keys visible in what was counted since this was last asked."""
        before, self._asked = self._asked, self.counted
        return self._asked[0] - before[0], self._asked[1] - before[1]

    @property
    def counted(self) -> tuple[int, int]:
        """Keys attended to and keys visible in everything counted so far; waits for the device once."""
        layers = self._totals.copy().values()
        if not layers:
            return 0, 0
        device = next(iter(layers)).attended.device
        sums = [torch.stack([each.attended.sum(), each.visible.sum()]).to(device) for each in layers]
        attended, visible = torch.stack(sums).sum(0).tolist()
        return attended, visible + sum(each.visible_to_all * len(each.attended) for each in layers)

    @property
    def density(self) -> float | None:
        """Attended over visible keys of everything counted; None where nothing was."""
        attended, visible = self.counted
        return attended / visible if visible else None

    def layer(self, number: int, maskers: tuple[str, ...] = (), kind: str | None = None) -> LayerReport:
        """What was counted for a layer with these maskers; a layer without sparse calls is a dense one."""
        found = [totals for (_, layer), totals in self._totals.copy().items() if layer == number]
        dense = sum(calls for (_, layer), calls in self._dense.copy().items() if layer == number)
        if not found:
            return LayerReport(number, kind, "dense", maskers, 0, dense, {}, None, None)
        totals = reduce(add, found)
        density = tuple(totals.density.tolist())
        error = float(totals.errors / totals.rows) if self.measure_error else None
        calls, paths = totals.paths.total(), dict(totals.paths)
        return LayerReport(number, kind, "sparse", maskers, calls, dense, paths, density, error)


def _relative_errors(inputs: AttentionInputs, output: Tensor) -> Tensor:
    """|sparse - dense| / |dense| of each query's output vector, all heads together; of queries that see a key."""
    # Without dropout: a second draw would compare noise, and take numbers from the generator that the answer uses.
    dense = masked_attention(attrs.evolve(inputs, dropout=0.0), Mask.full(inputs.shape))
    dense, sparse = (each.float().transpose(1, 2).flatten(2) for each in (dense, output))  # (b, q, hq * dv)
    norms = torch.linalg.vector_norm(dense, dim=-1)
    errors: Tensor = torch.linalg.vector_norm(sparse - dense, dim=-1) / norms
    return errors[norms > 0]
