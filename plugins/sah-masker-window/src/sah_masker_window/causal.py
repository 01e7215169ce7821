"""Dense causal attention as a masker."""

from __future__ import annotations

from torch import Tensor

from sah_core import AttentionInputs, PositionalMasker

from . import CausalConfig

__all__ = ["Causal"]


class Causal(PositionalMasker[CausalConfig]):
    """Keep every key that a query sees up to its own position: what dense causal attention reads."""

    def spans(self, inputs: AttentionInputs) -> tuple[Tensor, Tensor]:
        """[first column, query]."""
        stop = inputs.positions.unsqueeze(1) + 1
        return stop.new_full((1, 1, 1), inputs.key_offset), stop
