"""Tensors as the arrays that loops take: the same memory."""

from __future__ import annotations

from typing import Any

import torch
from numpy.typing import NDArray
from torch import Tensor

__all__ = ["Array", "array", "flat_memory"]

Array = NDArray[Any]


def array(tensor: Tensor) -> Array:
    """A tensor on the CPU as an array of its memory; bfloat16 as the uint16 of its bits."""
    if tensor.requires_grad:
        tensor = tensor.detach()
    return (tensor.view(torch.uint16) if tensor.dtype == torch.bfloat16 else tensor).numpy()


def flat_memory(tensor: Tensor) -> Array:
    """All memory between a tensor's first and last entry, one-dimensional: entry (i, j, ...) is at its strides' sum.

    Loops over one long array are fast whatever the strides, as long as what is innermost lies beside each other.
    """
    last = sum((size - 1) * stride for size, stride in zip(tensor.shape, tensor.stride(), strict=True))
    return array(tensor.detach().as_strided((last + 1 if tensor.numel() else 0,), (1,)))
