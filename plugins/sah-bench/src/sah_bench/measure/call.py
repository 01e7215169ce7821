"""`MeasuredCall`: one attention call to be measured, and what several metrics need of it, computed once."""

from __future__ import annotations

from functools import cached_property

import attrs
import torch
from attrs import frozen
from torch import Tensor

from sah_core import AttentionInputs, AttentionOutput, Mask
from sah_core.attention.maths import apply_weights
from sah_core.mask.storage import expand_rows

__all__ = ["MeasuredCall"]


@frozen(eq=False, slots=False)
class MeasuredCall:
    """What went into one attention call and what came out of it; nothing of it may be written to.

    Everything over all keys is computed when it is first asked for, in float32 (float64 for float64 tensors), and kept.
    """

    inputs: AttentionInputs
    output: AttentionOutput

    @property
    def mask(self) -> Mask:
        """What was attended to, with which probabilities; it may hold keys that are not visible."""
        return self.output.mask

    @cached_property
    def visible(self) -> Tensor:
        """Which keys each query may see, bool (b, hq, q, k)."""
        return self.inputs.visible.expand(self.inputs.shape)

    @cached_property
    def visible_counts(self) -> Tensor:
        """How many those are, int64 (b, hq, q)."""
        return self.inputs.visible_counts.expand(self.inputs.shape[:3])

    @cached_property
    def probs(self) -> Tensor:
        """The mask's inclusion probabilities, float32 (b, hq, q, k); 0 where a key is not in it."""
        return expand_rows(self.mask.dense_rows(self.inputs.device), self.inputs.shape[:3])

    @cached_property
    def attended(self) -> Tensor:
        """Which keys each query attended to, bool (b, hq, q, k): in the mask, and visible."""
        attended = expand_rows(self.mask.dense_rows(self.inputs.device) > 0, self.inputs.shape[:3])
        return attended if self.inputs.unmasked else attended & self.visible

    @cached_property
    def attended_counts(self) -> Tensor:
        """How many those are, int64 (b, hq, q)."""
        kept = self.mask if self.inputs.unmasked else self.mask.restrict(self.inputs.visible)
        return kept.attended().to(self.inputs.device)

    @property
    def logits(self) -> Tensor:
        """Exact logits of all keys, (b, hq, q, k): scaled, soft-capped, with the additive mask; -inf: not visible."""
        return self.inputs.logits

    @cached_property
    def exponentials(self) -> Tensor:
        """exp(logit - the row's largest), (b, hq, q, k); 0 where not visible."""
        largest = self.logits.amax(-1, keepdim=True).nan_to_num(neginf=0.0)  # of a row that sees no key
        return (self.logits - largest).exp_()

    @cached_property
    def weights(self) -> Tensor:
        """Dense attention's weights, (b, hq, q, k): they sum to 1 without sinks, and to 0 where no key is visible."""
        inputs = self.inputs
        if inputs.sinks is None:
            return self.exponentials / self.exponentials.sum(-1, keepdim=True).clamp(
                min=torch.finfo(torch.float32).tiny
            )
        sinks = inputs.sinks.to(self.logits.dtype).reshape(1, -1, 1, 1).expand(*inputs.shape[:3], 1)
        return torch.cat([self.logits, sinks], -1).softmax(-1)[..., :-1]

    @cached_property
    def dense_output(self) -> Tensor:
        """What dense attention gives, without dropout: (b, hq, q, dv) in the queries' dtype, as the output is."""
        inputs = attrs.evolve(self.inputs, dropout=0.0) if self.inputs.dropout else self.inputs
        return apply_weights(inputs, Mask.full(inputs.shape), self.weights)
