"""What is measured of an attention call, each a number for a query and head.

With s the exact logits of a query, V the keys that it sees, S the attended ones among them and pi their inclusion
probabilities. A query that sees no key has no value: NaN.
"""

from __future__ import annotations

import torch
from torch import Tensor

from .call import MeasuredCall

__all__ = ["Density", "Mass", "OutputError", "Recall", "Variance"]


class Density:
    """Attended over visible keys: |S| / |V|. A key that was drawn counts whole."""

    name = "density"

    def __call__(self, call: MeasuredCall) -> Tensor:
        """Density of each query and head, (b, hq, q)."""
        return call.attended_counts / call.visible_counts


class OutputError:
    """How far a head's output vector o is from that of dense attention: |o - dense| / |dense|, in Euclidean norms.

    NaN where dense attention gives zeros.
    """

    name = "output_error"

    def __call__(self, call: MeasuredCall) -> Tensor:
        """Relative error of each query and head, (b, hq, q)."""
        # In float64, as float32 has no squares of what a sink may leave of an output.
        dense, found = call.dense_output.double(), call.output.output.double()
        norms = torch.linalg.vector_norm(dense, dim=-1)
        errors: Tensor = torch.linalg.vector_norm(found - dense, dim=-1) / norms
        return errors.masked_fill(norms == 0, torch.nan)


class Mass:
    """How much of dense attention's weight lies on attended keys: the sum over S of exp(s) over the sum over V.

    What a model's attention sink takes is left out of both, and a key that was drawn counts whole, with 1 and not with
    1 / pi. 1 where every visible key is attended to.
    """

    name = "mass"

    def __call__(self, call: MeasuredCall) -> Tensor:
        """Captured attention mass of each query and head, (b, hq, q)."""
        return (call.exponentials * call.attended).sum(-1) / call.exponentials.sum(-1)


class Recall:
    """Of the |S| largest logits, the part whose keys are attended to.

    Keys whose logits equal the last of those stand for each other: any choice among them is as good.
    """

    name = "recall"

    def __call__(self, call: MeasuredCall) -> Tensor:
        """Recall of each query and head, (b, hq, q)."""
        counts, logits, attended = call.attended_counts, call.logits, call.attended
        largest = logits.topk(max(1, int(counts.max())), dim=-1).values
        last = largest.gather(-1, (counts - 1).clamp(min=0).unsqueeze(-1))  # (b, hq, q, 1)
        above = (attended & (logits > last)).sum(-1)
        level = (attended & (logits == last)).sum(-1)
        places = counts - (largest > last).sum(-1)
        return (above + torch.minimum(level, places)) / counts


class Variance:
    """Relative variance of the estimated softmax denominator, estimated from the one draw that there was.

    The denominator D = sum over S of exp(s - m) / pi (and a sink's term, which is certain) is an estimate wherever keys
    were drawn. With independent draws its variance is the sum over V of (1 - pi) / pi exp(2 (s - m)), of which

        N = sum over S of (1 - pi) / pi^2 exp(2 (s - m))

    is an unbiased estimate (Horvitz and Thompson 1952). The value is N / D^2; m is the largest logit of S and the sink.
    Where keys were drawn without replacement their draws exclude each other, the variance is smaller, and N too large
    on average. 0 where all that is attended to is certain.
    """

    name = "variance"

    def __call__(self, call: MeasuredCall) -> Tensor:
        """Relative variance of each query and head, (b, hq, q)."""
        nothing = call.attended_counts == 0
        if _is_certain(call):
            return torch.zeros(nothing.shape, device=nothing.device).masked_fill(nothing, torch.nan)
        logits = call.logits.masked_fill(~call.attended, -torch.inf)
        largest = logits.amax(-1, keepdim=True)
        sinks = call.inputs.sinks
        if sinks is not None:
            sinks = sinks.to(logits.dtype).reshape(1, -1, 1, 1)
            largest = torch.maximum(largest, sinks)
        probs = torch.where(call.attended, call.probs, 1.0)
        terms = (logits - largest).exp() / probs
        denominator = terms.sum(-1)
        if sinks is not None:
            denominator = denominator + (sinks - largest).exp().squeeze(-1)
        numerator = ((1 - probs) * terms.square()).sum(-1)
        return (numerator / denominator.square()).masked_fill(nothing, torch.nan)


def _is_certain(call: MeasuredCall) -> bool:
    """Whether the mask can be seen to hold no probability but 1, without looking at them."""
    if call.mask.representation == "dense":
        return False
    return call.mask.index_rows(call.inputs.device).probs is None
