"""Attention over all keys under a mask, for masks that attend to so many of them that gathering would cost more."""

from __future__ import annotations

import torch
from torch import Tensor

from sah_core.errors import InputsError, NumericalError
from sah_core.inputs import AttentionInputs
from sah_core.mask import Mask
from sah_core.mask.storage import expand_rows

from .maths import apply_weights
from .rows import check_no_empty_row, first_row

__all__ = ["dense_attention"]


def dense_attention(inputs: AttentionInputs, mask: Mask) -> Tensor:
    """The attention output under a mask, (b, hq, q, dv) in the queries' dtype; errors as `masked_attention`.

    What the mask says is added to the logits, as log pi and -inf, in the rows in which it is stored.
    """
    if mask.shape != inputs.shape:
        raise InputsError(f"the mask has shape {mask.shape}; these inputs need {inputs.shape}")
    probs = mask.dense_rows(inputs.device)  # (sb, sh, sq, k)
    rows, attended = inputs.shape[:3], probs > 0
    logits = inputs.logits.masked_fill(expand_rows(~attended, rows), -torch.inf)
    if bool((attended & (probs < 1)).any()):
        logits = logits - expand_rows(torch.where(attended, probs, 1.0).to(logits.dtype).log(), rows)
    largest = logits.amax(-1, keepdim=True)
    without = largest == -torch.inf
    wrong = ~(largest < torch.inf)  # NaN too
    if bool(wrong.any()):
        raise NumericalError(f"{first_row(inputs, wrong)}: the logit of an attended key is NaN or infinite")
    if bool(without.any()):
        check_no_empty_row(inputs, without.squeeze(-1))
    if inputs.sinks is not None:
        sinks = inputs.sinks.to(logits.dtype).reshape(1, -1, 1, 1).expand(*rows, 1)
        return apply_weights(inputs, mask, torch.cat([logits, sinks], -1).softmax(-1)[..., :-1])
    return apply_weights(inputs, mask, logits.softmax(-1).masked_fill(without, 0.0))
