"""Attention over gathered keys: only what a mask attends to is read.

A stored row of the mask serves the query heads of its group, and all queries where they share it: its keys and values
are read once for all of them, by a compiled loop where one can, or else gathered by torch. The maths is that of
`maths`, over the attended keys alone, in float32 (float64 for float64 tensors).
"""

from __future__ import annotations

from math import lcm
from typing import Literal

import torch
from attrs import frozen
from torch import Tensor
from torch.nn.functional import dropout

from sah_core.errors import InputsError, NumericalError
from sah_core.finite import all_finite
from sah_core.inputs import AttentionInputs
from sah_core.mask import Mask
from sah_core.mask.storage import expand_rows

from .compiled_rows import CompiledRows, few_enough
from .key_rows import KeyRows, lies_in_rows
from .rows import check_no_empty_row, first_row

__all__ = ["KeySets", "gathered_attention"]


Reader = KeyRows | CompiledRows
Way = Literal["compiled", "gathered", "scattered"]


def gathered_attention(inputs: AttentionInputs, mask: Mask) -> tuple[Tensor, Way]:
    """The attention output under a mask, (b, hq, q, dv) in the queries' dtype, and the `Path` it came by.

    Errors as `masked_attention`.
    """
    if mask.shape != inputs.shape:
        raise InputsError(f"the mask has shape {mask.shape}; these inputs need {inputs.shape}")
    sets = KeySets.of(inputs, mask)
    keys, values, way = _readers(inputs, sets)
    weights = sets.weights(inputs, keys)
    if inputs.dropout:
        weights = dropout(weights, inputs.dropout, training=True)
    output = sets.to_heads(values.average(weights))
    if not all_finite(output):
        raise NumericalError(f"{first_row(inputs, ~output.isfinite())}: the attention output is NaN or infinite")
    return output.to(inputs.queries.dtype), way


def _readers(inputs: AttentionInputs, sets: KeySets) -> tuple[Reader, Reader, Way]:
    """What reads the keys, what reads the values, and what that is called."""
    shape = (inputs.shape[0], sets.heads, sets.rows)
    if few_enough(inputs, sets.members):
        keys: Reader = CompiledRows.of(inputs.keys, sets.indices, shape)
        way: Way = "compiled"
    else:
        trained = torch.is_grad_enabled() and any(x.requires_grad for x in (inputs.queries, inputs.keys, inputs.values))
        keys = KeyRows.of(inputs.keys, sets.indices, shape, inputs.compute_dtype, reuse=not trained)
        way = "gathered" if lies_in_rows(inputs.keys) and lies_in_rows(inputs.values) else "scattered"
    return keys, keys.beside(inputs.values, sets.indices, shape), way


@frozen(eq=False)
class KeySets:
    """The sets of keys that are read, and the queries that read each.

    There are r = b * heads * rows sets of up to m keys, each read by n queries: ``heads`` is a multiple of the KV heads
    and divides the query heads, ``rows`` is q, or 1 where all queries read the same keys.
    """

    shape: tuple[int, int, int]
    """b, query heads, q."""
    heads: int
    rows: int
    indices: Tensor
    """int64 (r, m); after a set's last key its first one again, or 0."""
    valid: Tensor | None
    """Which entries are keys, bool (r, m); None where all are."""
    probs: Tensor | None
    """Inclusion probabilities (r, m); None where all are 1."""

    @classmethod
    def of(cls, inputs: AttentionInputs, mask: Mask) -> KeySets:
        """What this mask reads of these inputs; EmptyRowError for a query that sees keys and reads none."""
        stored = mask.index_rows(inputs.device)
        if not inputs.unmasked and not _all_visible(inputs, stored.indices):
            stored = mask.restrict(inputs.visible).index_rows(inputs.device)
        b, hq, q, keys = inputs.shape
        heads, rows = lcm(stored.rows[1], inputs.kv_heads), stored.rows[2]
        sets = (b, heads, rows)
        indices = expand_rows(stored.indices, sets).reshape(b * heads * rows, -1)
        probs = None if stored.probs is None else expand_rows(stored.probs, sets).reshape(indices.shape)
        fewest = int(stored.counts.min())
        if fewest == 0:
            check_no_empty_row(inputs, expand_rows(stored.counts, (b, hq, q)) == 0)
        valid = None
        if fewest < indices.shape[-1]:
            valid = indices < keys
            indices = torch.where(valid, indices, torch.where(valid[:, :1], indices[:, :1], 0))
            probs = None if probs is None else torch.where(valid, probs, 1.0)
        return cls((b, hq, q), heads, rows, indices, valid, probs)

    @property
    def members(self) -> int:
        """How many queries read each set: n."""
        _, hq, q = self.shape
        return hq // self.heads * (q // self.rows)

    def weights(self, inputs: AttentionInputs, keys: Reader) -> Tensor:
        """The normalised weights (r, n, m) of the keys read; NumericalError for a logit that is NaN or infinite."""
        logits = inputs.scaled(keys.products(self.from_heads(inputs.queries.to(inputs.compute_dtype))))
        bias = inputs.additive_mask
        if bias is not None:
            logits = logits + self._of_cells(bias.expand(inputs.shape))
        if not all_finite(logits):
            self._check_finite(inputs, logits)
        if self.probs is not None:
            logits = logits - self.probs.to(logits.dtype).log().unsqueeze(1)
        if self.valid is not None:
            logits = logits.masked_fill(~self.valid.unsqueeze(1), -torch.inf)
        if inputs.sinks is not None:
            sinks = inputs.sinks.to(logits.dtype).reshape(1, -1, 1, 1).expand(*self.shape, 1)
            return torch.cat([logits, self.from_heads(sinks)], -1).softmax(-1)[..., :-1]
        weights = logits.softmax(-1)
        # A set without keys is of a query that sees none: its output is 0.
        return weights if self.valid is None else weights.masked_fill(~self.valid.unsqueeze(1), 0.0)

    def from_heads(self, rows: Tensor) -> Tensor:
        """Rows (b, hq, q, c) as (r, n, c): beside each other what reads the same set."""
        b, hq, q = self.shape
        if self.rows == 1:
            return rows.reshape(b * self.heads, hq // self.heads * q, -1)
        return rows.reshape(b, self.heads, hq // self.heads, q, -1).transpose(2, 3).flatten(0, 2)

    def to_heads(self, rows: Tensor) -> Tensor:
        """Rows (r, n, c) as (b, hq, q, c)."""
        b, hq, q = self.shape
        if self.rows > 1:
            rows = rows.reshape(b, self.heads, q, hq // self.heads, -1).transpose(2, 3)
        return rows.reshape(b, hq, q, -1)

    def _check_finite(self, inputs: AttentionInputs, logits: Tensor) -> None:
        wrong = ~logits.isfinite()
        if self.valid is not None:
            wrong &= self.valid.unsqueeze(1)
        if bool(wrong.any()):
            row = first_row(inputs, self.to_heads(wrong.any(-1, keepdim=True)))
            raise NumericalError(f"{row}: the logit of an attended key is NaN or infinite")

    def _of_cells(self, cells: Tensor) -> Tensor:
        """What ``cells`` (b, hq, q, k) hold at the keys read, (r, n, m)."""
        b, hq, q = self.shape
        indices = expand_rows(self.indices.reshape(b, self.heads, self.rows, -1), (b, hq, q))
        return self.from_heads(cells.gather(-1, indices))


def _all_visible(inputs: AttentionInputs, indices: Tensor) -> bool:
    """Whether each of the keys at stored ``indices`` (sb, sh, sq, m) is visible to every query that they are for."""
    b, _, q, keys = inputs.shape
    visible = inputs.visible  # (b, 1 | hq, q, k)
    rows = (b, lcm(indices.shape[1], visible.shape[1]), q)
    wanted = expand_rows(indices, rows)
    seen = expand_rows(visible, rows).gather(-1, wanted.clamp(max=keys - 1))
    return bool((seen | (wanted == keys)).all())
