"""The same attention call, seen otherwise: one batch row of it, its last queries, its first keys, more padding."""

from __future__ import annotations

from typing import Any

import attrs
import torch
from torch import Tensor
from torch.nn.functional import pad

from sah_core.inputs import AttentionInputs
from sah_core.state import AttentionState

__all__ = ["batch_row", "changed", "first_keys", "from_position_zero", "last_queries", "left_padded", "right_padded"]


def changed(inputs: AttentionInputs, **changes: Any) -> AttentionInputs:
    """A call with other tensors or options; where real tokens begin stays what it was, whatever is hidden now."""
    return attrs.evolve(inputs, **{"padding": inputs.first_tokens, "shared": {}, **changes})


def batch_row(inputs: AttentionInputs, row: int) -> AttentionInputs:
    """One row of the batch, alone."""
    rows = slice(row, row + 1)
    mask, positions = inputs.attention_mask, inputs.query_positions
    return changed(
        inputs,
        queries=inputs.queries[rows],
        keys=inputs.keys[rows],
        values=inputs.values[rows],
        attention_mask=mask[rows] if mask is not None and mask.shape[0] > 1 else mask,
        query_positions=positions[rows] if positions is not None and inputs.positions.shape[0] > 1 else positions,
        padding=inputs.first_tokens[rows],
        row_ids=[row if inputs.row_ids is None else inputs.row_ids[row]],
        state=None,
    )


def last_queries(inputs: AttentionInputs, n: int) -> AttentionInputs:
    """The last n queries of the call, over all of its keys."""
    mask, positions = inputs.attention_mask, inputs.query_positions
    return changed(
        inputs,
        queries=inputs.queries[:, :, -n:],
        attention_mask=mask[:, :, -n:] if mask is not None and mask.shape[2] > 1 else mask,
        query_positions=None if positions is None else positions[..., -n:],
    )


def first_keys(inputs: AttentionInputs, n: int) -> AttentionInputs:
    """The last query as if it came after the first n keys; it stands for a call earlier in the request."""
    one = last_queries(inputs, 1)
    mask = one.attention_mask
    return changed(
        one,
        keys=one.keys[:, :, :n],
        values=one.values[:, :, :n],
        attention_mask=None if mask is None else mask[..., :n],
        query_positions=None,
    )


def from_position_zero(inputs: AttentionInputs, context_length: int | None = None) -> AttentionInputs:
    """The call in a layer that has kept every key, with a state of its own, of this context if one is given.

    An index over a window that has moved is fitted on the window, so only here is there a context to speak of.
    """
    return changed(
        inputs,
        key_offset=0,
        query_positions=None,
        padding=(inputs.first_tokens - inputs.key_offset).clamp(min=0),
        state=AttentionState(context_length),
    )


def left_padded(inputs: AttentionInputs, n: int, fill: float) -> AttentionInputs:
    """The call, over every key from position 0 on, behind n more columns of padding: keys and values ``fill``."""
    return changed(
        inputs,
        keys=pad(inputs.keys, (0, 0, n, 0), value=fill),
        values=pad(inputs.values, (0, 0, n, 0), value=fill),
        attention_mask=_hidden(inputs, n, 0),
        query_positions=inputs.positions + n,
        padding=inputs.first_tokens + n,
        state=None,
    )


def right_padded(inputs: AttentionInputs, n: int, fill: float) -> AttentionInputs:
    """The call in a static cache with n more columns at the end, of keys and values ``fill``, not yet written."""
    return changed(
        inputs,
        keys=pad(inputs.keys, (0, 0, 0, n), value=fill),
        values=pad(inputs.values, (0, 0, 0, n), value=fill),
        attention_mask=_hidden(inputs, 0, n),
        query_positions=inputs.positions,
        state=None,
    )


def _hidden(inputs: AttentionInputs, left: int, right: int) -> Tensor:
    mask = inputs.attention_mask
    if mask is None:
        b, _, q, k = inputs.shape
        mask = torch.ones((b, 1, q, k), dtype=torch.bool, device=inputs.device)
    mask = mask[..., : inputs.shape[3]]
    return pad(mask, (left, right), value=False if mask.dtype == torch.bool else -torch.inf)
