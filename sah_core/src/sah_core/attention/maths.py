"""Attention from a mask: numerator, denominator and their quotient.

With s the exact logits, S the attended visible keys of a row and pi their inclusion probabilities,

    numerator   = sum over S of exp(s - m) v / pi
    denominator = sum over S of exp(s - m) / pi   (+ exp(sink - m) where the model has attention sinks)
    output      = numerator / denominator

(Horvitz and Thompson 1952, self-normalised): where every key of a row was drawn with its stated probability, numerator
and denominator are unbiased. m is the largest logit of S and the sink. Keys outside S have no influence at all.
"""

from __future__ import annotations

import torch
from attrs import frozen
from torch import Tensor

from sah_core.errors import InputsError, NumericalError
from sah_core.grouped_heads import by_group, grouped_average
from sah_core.inputs import AttentionInputs
from sah_core.mask import Mask

from .rows import check_no_empty_row, first_row

__all__ = ["apply_weights", "attention_denominator", "attention_numerator", "attention_weights", "masked_attention"]


def attention_numerator(inputs: AttentionInputs, mask: Mask, shift: Tensor | None = None) -> Tensor:
    """Sum over the attended keys of exp(s - shift) v / pi, (b, hq, q, dv) float32; 0 where nothing is attended.

    ``shift`` broadcasts to (b, hq, q, 1); None is each row's largest attended logit or sink.
    Float64 for float64 inputs.
    """
    terms = _terms(inputs, mask, shift)
    return _average(inputs, mask, terms.weights)


def attention_denominator(inputs: AttentionInputs, mask: Mask, shift: Tensor | None = None) -> Tensor:
    """Sum over the attended keys of exp(s - shift) / pi, plus exp(sink - shift), (b, hq, q, 1) float32.

    ``shift`` as for `attention_numerator`. A row that attends to nothing has the sink's term alone, or 0.
    """
    return _terms(inputs, mask, shift).total


def attention_weights(inputs: AttentionInputs, mask: Mask) -> Tensor:
    """The normalised weights exp(s - m) / pi / denominator, (b, hq, q, k) float32; they sum to 1 without sinks.

    Zero in a row that sees no key. Raises EmptyRowError for a row that sees keys and attends to none, NumericalError
    for NaN or infinity among the attended logits.
    """
    terms = _terms(inputs, mask, None)
    check_no_empty_row(inputs, ~terms.attended.any(-1))
    seen = terms.weights.new_ones(()) if inputs.attention_mask is None else inputs.visible.any(-1, keepdim=True)
    return terms.weights / torch.where(seen > 0, terms.total, 1.0)


def masked_attention(inputs: AttentionInputs, mask: Mask) -> Tensor:
    """The attention output under a mask, (b, hq, q, dv) in the queries' dtype.

    Dropout, if any, falls on the normalised weights, as in eager attention, from torch's global generator.
    A row that sees no key (padding) gives zeros. Raises EmptyRowError for a row that sees keys and attends to none,
    NumericalError for NaN or infinity among the attended logits or in the output.
    """
    return apply_weights(inputs, mask, attention_weights(inputs, mask))


def apply_weights(inputs: AttentionInputs, mask: Mask, weights: Tensor) -> Tensor:
    """The output (b, hq, q, dv) in the queries' dtype from normalised weights, with dropout; errors as above."""
    if inputs.dropout:
        weights = torch.nn.functional.dropout(weights, inputs.dropout, training=True)
    output = _average(inputs, mask, weights)
    if not bool(output.isfinite().all()):
        raise NumericalError(f"{first_row(inputs, ~output.isfinite())}: the attention output is NaN or infinite")
    return output.to(inputs.queries.dtype)


@frozen(eq=False)
class _Terms:
    weights: Tensor  # exp(s - shift) / pi on the attended keys, 0 elsewhere  # (b, hq, q, k)
    total: Tensor  # their sum, and the sink's  # (b, hq, q, 1)
    attended: Tensor  # bool  # (b, hq, q, k)


def _terms(inputs: AttentionInputs, mask: Mask, shift: Tensor | None) -> _Terms:
    probs, attended = _attended(inputs, mask)
    logits = torch.where(attended, inputs.logits, -torch.inf)
    wrong = attended & ~inputs.logits.isfinite()
    if bool(wrong.any()):
        raise NumericalError(f"{first_row(inputs, wrong)}: the logit of an attended key is NaN or infinite")
    sinks = None if inputs.sinks is None else inputs.sinks.to(inputs.compute_dtype).reshape(1, -1, 1, 1)
    if shift is None:
        shift = logits.amax(-1, keepdim=True)
        shift = shift.nan_to_num(neginf=0.0) if sinks is None else torch.maximum(shift, sinks)
    # A row without keys has shift 0 and logits -inf: exp gives the zeros it should.
    weights = torch.exp(logits - shift) / torch.where(attended, probs, 1.0)
    total = weights.sum(-1, keepdim=True)
    return _Terms(weights, total if sinks is None else total + torch.exp(sinks - shift), attended)


def _attended(inputs: AttentionInputs, mask: Mask) -> tuple[Tensor, Tensor]:
    """Inclusion probabilities (b, hq, q, k), and which keys are attended: in the mask, and visible."""
    if mask.shape != inputs.shape:
        raise InputsError(f"the mask has shape {mask.shape}; these inputs need {inputs.shape}")
    probs = mask.to_dense(inputs.device)
    return probs, (probs > 0) & inputs.visible


def _average(inputs: AttentionInputs, mask: Mask, weights: Tensor) -> Tensor:
    values = inputs.values
    output = grouped_average(weights, values)
    if bool(output.isfinite().all()):
        return output
    # 0 x NaN is NaN: a value that no row attends to must not reach the output.
    _, attended = _attended(inputs, mask)
    used = by_group(attended, inputs.kv_heads).flatten(2, 3).any(2)  # (b, hkv, k)
    return grouped_average(weights, torch.where(used.unsqueeze(-1), values, 0.0))
