"""Calibrations of no model: random numbers of the right form, for times do not depend on what was learned."""

from __future__ import annotations

from pathlib import Path

import attrs
import torch
from torch import Tensor

from sah_core.calibration.folder import DataOrigin, ModelOrigin, Provenance, save_calibration

from .call import Heads

__all__ = ["Calibrations", "random_calibrations"]

HIDDEN, DEPTH, BITS = 128, 3, 32
"""Of the signature networks; the method's defaults."""


@attrs.frozen
class Calibrations:
    """The folders that configs name."""

    channels: str
    weights: str


def random_calibrations(folder: Path, heads: Heads) -> Calibrations:
    """Heavy channels for double_sparsity and signature networks for hashattention, of a single layer."""
    random = torch.Generator().manual_seed(0)
    channels = torch.stack([torch.randperm(heads.width, generator=random) for _ in range(heads.kv)])
    _save(folder / "double_sparsity", "double_sparsity", {"channels": {0: channels}}, heads)
    networks: dict[str, dict[int, Tensor]] = {}
    for name, count in (("query", heads.query), ("key", heads.kv)):
        widths = [heads.width, *[HIDDEN] * (DEPTH - 1), BITS]
        for depth in range(DEPTH):
            shape = (count, widths[depth], widths[depth + 1])
            weight = torch.randn(shape, generator=random) * widths[depth] ** -0.5
            networks[f"{name}.{depth}.weight"] = {0: weight}
            networks[f"{name}.{depth}.bias"] = {0: torch.zeros(count, widths[depth + 1])}
    _save(folder / "hashattention", "hashattention", networks, heads)
    return Calibrations(str(folder / "double_sparsity"), str(folder / "hashattention"))


def _save(folder: Path, kind: str, tensors: dict[str, dict[int, Tensor]], heads: Heads) -> None:
    model = ModelOrigin(
        name="random numbers",
        fingerprint="none",
        layers=1,
        query_heads=heads.query,
        kv_heads=heads.kv,
        head_dim=heads.width,
    )
    data = DataOrigin(file="none", sha256="", block=0, blocks=0, passes=0, tokens=0)
    provenance = Provenance(kind=kind, config={}, settings={}, model=model, data=data, versions={}, measures={})
    save_calibration(folder, tensors, provenance)
