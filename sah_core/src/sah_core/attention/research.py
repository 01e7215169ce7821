"""`ResearchAttention`: exactly what the maths says, for any masker, with everything there to be looked at."""

from __future__ import annotations

from sah_core.inputs import AttentionInputs

from .backend import AttentionOutput, SparseAttention
from .maths import apply_weights, attention_weights

__all__ = ["ResearchAttention"]


class ResearchAttention(SparseAttention):
    """Computes the full product of queries and keys, whatever the mask: for quality, not for speed."""

    def __call__(self, inputs: AttentionInputs, *, need_weights: bool = False) -> AttentionOutput:
        """Attention output, mask and, if asked for, weights."""
        mask = self.mask(inputs)
        weights = attention_weights(inputs, mask)
        return AttentionOutput(apply_weights(inputs, mask, weights), mask, weights if need_weights else None)
