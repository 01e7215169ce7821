"""The attention that training uses: many questions after one context, none of which sees another."""

from __future__ import annotations

from typing import Any, Final

import torch
from torch import Tensor, nn
from torch.nn.functional import scaled_dot_product_attention
from transformers import AttentionInterface

__all__ = ["QUESTION_ATTENTION", "question_attention", "question_mask"]

QUESTION_ATTENTION: Final = "needle_questions"
"""The name under which transformers knows `question_attention`."""


def question_mask(length: int, questions: int, tokens: int) -> Tensor:
    """What the tokens of ``questions`` questions see: the context, and their own question up to themselves.

    Each question has ``tokens`` tokens. (1, 1, questions * tokens, length + questions * tokens) bool, True = attend.
    """
    own = torch.ones(tokens, tokens, dtype=torch.bool).tril()
    blocks = torch.kron(torch.eye(questions, dtype=torch.bool), own)
    return torch.cat([torch.ones(questions * tokens, length, dtype=torch.bool), blocks], dim=1)[None, None]


def question_attention(
    module: nn.Module,
    query: Tensor,
    key: Tensor,
    value: Tensor,
    attention_mask: Tensor,
    scaling: float | None = None,
    **_: Any,
) -> tuple[Tensor, None]:
    """Causal attention within the context, and ``attention_mask`` for the question rows that follow it.

    query (b, hq, t, d), key and value (b, hkv, t, d), attention_mask (1, 1, question rows, t); returns (b, t, hq, d).
    One mask over all rows would be quadratic in the context, and lose the causal kernel.
    """
    groups = query.shape[1] // key.shape[1]
    key, value = key.repeat_interleave(groups, 1), value.repeat_interleave(groups, 1)
    length = query.shape[2] - attention_mask.shape[2]
    context = scaled_dot_product_attention(
        query[:, :, :length], key[:, :, :length], value[:, :, :length], is_causal=True, scale=scaling
    )
    questions = scaled_dot_product_attention(query[:, :, length:], key, value, attn_mask=attention_mask, scale=scaling)
    return torch.cat([context, questions], dim=2).transpose(1, 2).contiguous(), None


AttentionInterface.register(QUESTION_ATTENTION, question_attention)
