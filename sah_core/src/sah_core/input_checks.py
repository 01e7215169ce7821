"""What tensors handed to attention must fit: shapes, dtypes and devices, each misfit told in a sentence."""

from __future__ import annotations

from typing import TYPE_CHECKING

import torch
from torch import Tensor

from .errors import InputsError

if TYPE_CHECKING:
    from .inputs import AttentionInputs

__all__ = ["check_inputs"]


def check_inputs(inputs: AttentionInputs) -> None:
    """Raise InputsError unless queries, keys, values, mask, positions and the rest fit together."""
    for name in ("queries", "keys", "values"):
        given = getattr(inputs, name)
        if not isinstance(given, Tensor) or given.dim() != 4 or not given.dtype.is_floating_point:
            what = f"shape {tuple(given.shape)}, {given.dtype}" if isinstance(given, Tensor) else type(given).__name__
            raise InputsError(f"{name} should be a floating tensor (batch, heads, length, width), not {what}")
    queries, keys, values = inputs.queries, inputs.keys, inputs.values
    if queries.shape[0] != keys.shape[0] or queries.shape[3] != keys.shape[3]:
        raise InputsError(
            f"queries {tuple(queries.shape)} and keys {tuple(keys.shape)} should have the same batch and head width"
        )
    if keys.shape[:3] != values.shape[:3]:
        raise InputsError(
            f"keys {tuple(keys.shape)} and values {tuple(values.shape)} should have the same batch, heads and length"
        )
    if min(queries.shape) < 1 or min(keys.shape) < 1:
        raise InputsError(f"queries {tuple(queries.shape)} and keys {tuple(keys.shape)} should have no empty dimension")
    if queries.shape[1] % keys.shape[1]:
        raise InputsError(f"{queries.shape[1]} query heads cannot share {keys.shape[1]} KV heads evenly")
    if len({queries.device, keys.device, values.device}) > 1:
        raise InputsError(
            f"queries, keys and values are on {queries.device}, {keys.device} and {values.device}; expected one device"
        )
    _check_mask(inputs)
    _check_rows(inputs)
    if not 0.0 <= inputs.dropout < 1.0:
        raise InputsError(f"dropout should be a probability in [0, 1), not {inputs.dropout}")
    if inputs.sinks is not None and inputs.sinks.shape != (queries.shape[1],):
        raise InputsError(
            f"sinks has shape {tuple(inputs.sinks.shape)}; expected ({queries.shape[1]},), one logit a query head"
        )


def _check_mask(inputs: AttentionInputs) -> None:
    mask = inputs.attention_mask
    if mask is None:
        return
    b, hq, q, k = inputs.shape
    fits = (
        mask.dim() == 4
        and mask.shape[0] in (1, b)
        and mask.shape[1] in (1, hq)
        and mask.shape[2] in (1, q)
        and mask.shape[3] >= k
    )
    if not fits:
        raise InputsError(
            f"attention_mask has shape {tuple(mask.shape)}; expected four dimensions broadcastable to {inputs.shape} "
            "(more keys are cut off)"
        )
    if not (mask.dtype == torch.bool or mask.dtype.is_floating_point):
        raise InputsError(f"attention_mask has dtype {mask.dtype}; expected bool (True: visible) or an additive float")
    if mask.device != inputs.device:
        raise InputsError(f"attention_mask is on {mask.device} and queries on {inputs.device}; expected one device")


def _check_rows(inputs: AttentionInputs) -> None:
    b, _, q, _ = inputs.shape
    positions = inputs.query_positions
    if positions is not None and tuple(positions.shape) not in {(q,), (1, q), (b, q)}:
        raise InputsError(f"query_positions has shape {tuple(positions.shape)}; expected ({q},) or ({b}, {q})")
    if inputs.key_offset < 0:
        raise InputsError(f"key_offset should be 0 or more, not {inputs.key_offset}")
    if inputs.row_ids is not None and len(inputs.row_ids) != b:
        raise InputsError(f"row_ids has {len(inputs.row_ids)} entries; expected {b}, one a batch row")
    if inputs.padding is not None and tuple(inputs.padding.shape) != (b,):
        raise InputsError(f"padding has shape {tuple(inputs.padding.shape)}; expected ({b},), one a batch row")
