"""Rules of numbers: precisions, equal, zero and huge keys, NaN where no query looks."""

from __future__ import annotations

import torch

from sah_core.attention.maths import attention_denominator, attention_numerator
from sah_core.composition import Masker
from sah_core.inputs import AttentionInputs
from sah_core.mask import Mask

from .composition import check_only_visible_keys
from .independence import moved
from .same import require_same
from .variations import changed, from_position_zero, left_padded

__all__ = [
    "check_equal_keys_are_fine",
    "check_huge_keys_are_fine",
    "check_nan_in_padding_changes_nothing",
    "check_other_precisions_work",
]

HUGE = 1e8


def check_other_precisions_work(masker: Masker, inputs: AttentionInputs, previous: Mask) -> None:
    """Inputs of bfloat16, float16 and float64 give a valid mask, too."""
    for dtype in (torch.bfloat16, torch.float16, torch.float64):
        check_only_visible_keys(masker, _cast(inputs, dtype), previous)


def check_equal_keys_are_fine(masker: Masker, inputs: AttentionInputs, previous: Mask) -> None:
    """Keys that are all equal, or all zero, give a valid mask and finite attention."""
    for keys in (inputs.keys[:, :, :1].expand_as(inputs.keys), torch.zeros_like(inputs.keys)):
        _check_attention_is_finite(masker, changed(inputs, keys=keys.contiguous()), previous)


def check_huge_keys_are_fine(masker: Masker, inputs: AttentionInputs, previous: Mask) -> None:
    """Keys and queries a hundred million times larger give a valid mask and finite attention."""
    _check_attention_is_finite(
        masker, changed(inputs, keys=inputs.keys * HUGE, queries=inputs.queries * HUGE), previous
    )


def check_nan_in_padding_changes_nothing(masker: Masker, inputs: AttentionInputs, previous: Mask) -> None:
    """Left padding that holds NaN gives the mask that left padding of zeros gives."""
    n = 4
    request, before = from_position_zero(inputs), moved(previous, n, 0)
    expected = masker.add_mask(left_padded(request, n, 0.0), before)
    found = masker.add_mask(left_padded(request, n, float("nan")), before)
    require_same(found, expected, f"NaN in {n} columns of left padding changed the mask")


def _check_attention_is_finite(masker: Masker, inputs: AttentionInputs, previous: Mask) -> None:
    check_only_visible_keys(masker, inputs, previous)
    mask = masker.add_mask(inputs, previous)
    for name, total in (
        ("numerator", attention_numerator(inputs, mask)),
        ("denominator", attention_denominator(inputs, mask)),
    ):
        assert bool(total.isfinite().all()), f"the attention {name} is NaN or infinite"


def _cast(inputs: AttentionInputs, dtype: torch.dtype) -> AttentionInputs:
    mask = inputs.attention_mask
    if mask is not None and mask.is_floating_point():
        mask = torch.where(inputs.visible, mask[..., : inputs.shape[3]].to(dtype), -torch.inf)
    tensors = {name: getattr(inputs, name).to(dtype) for name in ("queries", "keys", "values")}
    return changed(inputs, attention_mask=mask, **tensors)
