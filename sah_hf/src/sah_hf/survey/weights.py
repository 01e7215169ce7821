"""Random weights for a tiny model, such that what it answers depends on what it attends to."""

from __future__ import annotations

import torch
from torch import nn

__all__ = ["randomise"]


def randomise(model: nn.Module, seed: int = 0) -> None:
    """Set every parameter, those that the model's own initialisation leaves as they were in memory too.

    Matrices keep the length of what goes through them, so that logits of attention spread over a few units and no
    layer drowns the others; what scales or decays stays around 1, and biases around 0.
    """
    generator = torch.Generator().manual_seed(seed)
    with torch.no_grad():
        for name, parameter in model.named_parameters():
            if not parameter.dtype.is_floating_point:
                continue
            if parameter.dim() > 1:
                parameter.normal_(0, parameter.shape[-1] ** -0.5, generator=generator)
            elif name.endswith("bias"):
                parameter.normal_(0, 0.2, generator=generator)
            else:
                parameter.uniform_(0.5, 1.5, generator=generator)
