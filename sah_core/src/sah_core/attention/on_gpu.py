"""Attention by the GPU kernel, where it can run."""

from __future__ import annotations

from torch import Tensor

from sah_core.errors import NumericalError
from sah_core.finite import all_finite
from sah_core.inputs import AttentionInputs
from sah_core.kernels.available import triton_refuses
from sah_core.mask import Mask

from .gathered import KeySets
from .rows import first_row

__all__ = ["kernel_attention"]


def kernel_attention(inputs: AttentionInputs, mask: Mask) -> Tensor | None:
    """What `gathered_attention` gives, by a kernel that reads the keys in place; None where the kernel cannot run."""
    if triton_refuses(inputs) is not None:
        return None
    from sah_core.kernels.attention import triton_attention

    sets = KeySets.of(inputs, mask)
    output = sets.to_heads(triton_attention(inputs, sets))
    if not all_finite(output):
        row = first_row(inputs, ~output.isfinite())
        raise NumericalError(f"{row}: the logit or value of an attended key, or the output, is NaN or infinite")
    return output.to(inputs.queries.dtype)
