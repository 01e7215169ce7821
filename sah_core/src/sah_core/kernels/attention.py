"""Attention over lists of keys or pages, on the GPU."""

from __future__ import annotations

import torch
from torch import Tensor

from sah_core.errors import InputsError
from sah_core.inputs import AttentionInputs

from .available import triton_refuses
from .launch import OPTIONS, Launch, next_power, on, processors
from .sets import KeyLists, PageSets

__all__ = ["triton_attention"]

MERGED = 4096
"""Partial sums that a program of the merge holds: 32 registers for each of its 128 threads."""


def triton_attention(inputs: AttentionInputs, sets: KeyLists | PageSets) -> Tensor:
    """The attention outputs (r, n, dv) float32 of the n queries that read each of r sets.

    The n are the query heads of the set, and of each head its queries, as `KeySets.from_heads` orders them. Keys weigh
    exp(s) / pi, with the logits' scaling, softcap and additive mask, and the sinks; a set without keys gives zeros.
    Visibility and empty rows are the caller's. A row that reads a logit or a value that is NaN or infinite has NaN or
    infinity in its output. Raises InputsError, with what `triton_refuses` says, for inputs that it refuses.

    Flash-decoding: sets are split into parts that run side by side, and a second kernel merges them (Dao et al. 2023,
    "Flash-Decoding for long-context inference").
    """
    reason = triton_refuses(inputs)
    if reason is not None:
        raise InputsError(reason)
    _, hq, q = sets.shape
    count, entries = sets.indices.shape
    group, spread = hq // sets.heads, q if sets.rows == 1 else 1
    output = torch.zeros((count, group * spread, inputs.values.shape[3]), dtype=torch.float32, device=inputs.device)
    if not entries:
        return output
    with on(inputs.device):
        _merge(inputs, sets, *_parts(inputs, sets, group, spread), output, group, spread)
    return output


def _parts(
    inputs: AttentionInputs, sets: KeyLists | PageSets, group: int, spread: int
) -> tuple[Tensor, Tensor, Tensor]:
    """Of each part the largest logit and the sum of weights (r, n, splits), and the weighted values (..., dv)."""
    from .attend import attend

    count, entries = sets.indices.shape
    members = group * spread
    page = sets.size if isinstance(sets, PageSets) else 1
    width, value_width = inputs.queries.shape[3], inputs.values.shape[3]
    size = inputs.keys.element_size()
    launch = Launch.of(count, members, entries * page, width, value_width, size, processors(inputs.device))
    parts = (count, members, launch.splits)
    maxima, totals, sums = (
        torch.empty(shape, dtype=torch.float32, device=inputs.device) for shape in (parts, parts, (*parts, value_width))
    )
    bias = None if inputs.additive_mask is None else inputs.additive_mask.expand(inputs.shape)
    attend[count, launch.splits, -(-members // launch.block_members)](
        inputs.queries,
        inputs.keys,
        inputs.values,
        sets.indices.contiguous(),
        None if sets.valid is None else sets.valid.contiguous().view(torch.uint8),
        None if sets.probs is None else sets.probs.contiguous(),
        sets.shift.contiguous() if isinstance(sets, PageSets) and sets.shift is not None else None,
        bias,
        maxima,
        totals,
        sums,
        *inputs.queries.stride(),
        *inputs.keys.stride(),
        *inputs.values.stride(),
        *((0, 0, 0, 0) if bias is None else bias.stride()),
        sets.heads,
        sets.rows,
        sets.heads // inputs.kv_heads,
        group,
        spread,
        entries,
        sets.keys if isinstance(sets, PageSets) else inputs.shape[3],
        launch.split_width,
        launch.splits,
        width,
        value_width,
        width**-0.5 if inputs.scaling is None else inputs.scaling,
        inputs.softcap or 1.0,
        page_size=page,
        capped=inputs.softcap is not None,
        two_terms=inputs.values.dtype != torch.float32,
        block_members=launch.block_members,
        block_keys=launch.block_keys,
        block_width=launch.block_width,
        block_value_width=launch.block_value_width,
        num_warps=launch.warps,
        num_stages=launch.stages,
        **OPTIONS,
    )
    return maxima, totals, sums


def _merge(
    inputs: AttentionInputs,
    sets: KeyLists | PageSets,
    maxima: Tensor,
    totals: Tensor,
    sums: Tensor,
    output: Tensor,
    group: int,
    spread: int,
) -> None:
    from .merge import merge

    count, members, splits, value_width = sums.shape
    block_splits = next_power(splits, 1)
    block_width = min(next_power(value_width, 16), MERGED // block_splits)
    merge[count * members, -(-value_width // block_width)](
        maxima,
        totals,
        sums,
        None if inputs.sinks is None else inputs.sinks.contiguous(),
        output,
        sets.heads,
        sets.rows,
        group,
        spread,
        splits,
        value_width,
        block_splits=block_splits,
        block_value_width=block_width,
        **OPTIONS,
    )
