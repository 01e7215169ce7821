"""A modelling file as transformers has them, of a family whose attention is no softmax."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor
from transformers.models.llama.modeling_llama import LlamaAttention


def eager_attention_forward(
    module: Any, query: Tensor, key: Tensor, value: Tensor, mask: Tensor | None, scaling: float, **keywords: Any
) -> tuple[Tensor, Tensor]:
    """Weigh each visible key by the sigmoid of its logit."""
    groups = module.num_key_value_groups
    weights = torch.sigmoid(query @ key.repeat_interleave(groups, 1).transpose(2, 3) * scaling)
    weights = weights if mask is None else weights * (mask == 0)
    return (weights @ value.repeat_interleave(groups, 1)).transpose(1, 2).contiguous(), weights


class SigmoidAttention(LlamaAttention):
    """Routed like any other, and computes something else: sparse softmax attention would answer wrongly."""
