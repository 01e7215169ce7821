"""The weights that training starts from: two attention circuits roughly in place, all else small noise.

From plain noise the circuit that finds a record does not form in the time this model is trained;
with these starting points it forms within some 200 steps. Every weight stays trainable.

The residual stream starts in parts: the first half of its coordinates holds the token itself, the second half a short
copy of each of the four tokens before it, put there by the four heads of layer 0.
"""

from __future__ import annotations

from typing import Final

import torch
from torch import Tensor
from transformers import LlamaForCausalLM

from .architecture import CONFIG, ROPE_THETA

__all__ = ["initialise"]

_WIDTH: Final[int] = CONFIG["hidden_size"]
_HEADS: Final[int] = CONFIG["num_attention_heads"]
_KV_HEADS: Final[int] = CONFIG["num_key_value_heads"]
_HEAD_DIM: Final[int] = CONFIG["head_dim"]

_TOKEN = _WIDTH // 2
_COPY = (_WIDTH - _TOKEN) // _HEADS
_MATCHED = 3  # words that are compared to find what follows them

_NOISE = 0.02
_OFFSET_SHARPNESS = 5.0
_MATCH_SHARPNESS = 2.0
_FAST_PAIRS = 10  # RoPE pairs that tell neighbouring offsets apart
_SLOW_FROM = 15  # RoPE pairs from here on turn little within the context


def initialise(model: LlamaForCausalLM, seed: int) -> None:
    """Overwrite every weight of ``model``, the same way for the same seed.

    * Norms are 1, biases 0, matrices normal noise, and tokens fill the first half of their embedding.
    * Layer 0, query head h copies the token h + 1 places back (`_copy_earlier_tokens`).
    * Layer 1 attends to what followed the same words earlier (`_match_earlier_words`).
    """
    random = torch.Generator().manual_seed(seed)
    with torch.no_grad():
        for name, weight in model.named_parameters():
            if weight.ndim == 2:
                weight.normal_(0, _NOISE, generator=random)
            else:
                weight.fill_(1.0 if "norm" in name else 0.0)
        model.model.embed_tokens.weight[:, _TOKEN:] = 0
        copied = _orthonormal(_COPY, _TOKEN, random)
        _copy_earlier_tokens(model, copied)
        for group in range(_KV_HEADS):
            _match_earlier_words(model, group, copied, random)


def _copy_earlier_tokens(model: LlamaForCausalLM, copied: Tensor) -> None:
    """Layer 0: biases alone, turned by RoPE, peak where query and key are h + 1 apart.

    Its value is ``copied`` (_COPY, _TOKEN), a projection of the token, and head h writes it to its own coordinates.
    """
    attention = model.model.layers[0].self_attn
    turn = ROPE_THETA ** (-torch.arange(_FAST_PAIRS) * 2.0 / _HEAD_DIM)
    query = attention.q_proj.bias.view(_HEADS, 2, _HEAD_DIM // 2)  # RoPE pairs i with i + _HEAD_DIM / 2
    key = attention.k_proj.bias.view(_KV_HEADS, 2, _HEAD_DIM // 2)
    value = attention.v_proj.weight.view(_KV_HEADS, _HEAD_DIM, _WIDTH)
    output = attention.o_proj.weight.view(_WIDTH, _HEADS, _HEAD_DIM)
    key[:, 0, :_FAST_PAIRS] = _OFFSET_SHARPNESS
    value[:, :_COPY, :_TOKEN] = copied
    output.zero_()  # attention that is sharp does not average noise away: it would drown the copies
    for head in range(_HEADS):
        query[head, 0, :_FAST_PAIRS] = _OFFSET_SHARPNESS * torch.cos((head + 1) * turn)
        query[head, 1, :_FAST_PAIRS] = -_OFFSET_SHARPNESS * torch.sin((head + 1) * turn)
        # Tokens, noise in half the coordinates, enter attention scaled up to norm 1; copies are as large as tokens.
        output[_at_copy(head), head, :_COPY] = torch.eye(_COPY) * _NOISE * (_TOKEN / _WIDTH) ** 0.5


def _match_earlier_words(model: LlamaForCausalLM, group: int, copied: Tensor, random: torch.Generator) -> None:
    """Layer 1, first query head of a group: q . k grows with the words that end at q and are also those just before k.

    The query's token and the two before it are compared with the three before the key, through a random projection to
    the slowly turning coordinates.
    """
    attention = model.model.layers[1].self_attn
    slow = torch.nonzero(torch.arange(_HEAD_DIM) % (_HEAD_DIM // 2) >= _SLOW_FROM).flatten()
    words = _orthonormal(len(slow), _MATCHED * _COPY, random) * _MATCH_SHARPNESS
    key = attention.k_proj.weight.view(_KV_HEADS, _HEAD_DIM, _WIDTH)[group]
    query = attention.q_proj.weight.view(_KV_HEADS, _HEADS // _KV_HEADS, _HEAD_DIM, _WIDTH)[group, 0]
    for word, part in enumerate(torch.split(words, _COPY, dim=1)):
        key[slow, _at_copy(word)] = part
        if word == 0:
            query[slow, :_TOKEN] = part @ copied
        else:
            query[slow, _at_copy(word - 1)] = part


def _at_copy(head: int) -> slice:
    return slice(_TOKEN + head * _COPY, _TOKEN + (head + 1) * _COPY)


def _orthonormal(rows: int, columns: int, random: torch.Generator) -> Tensor:
    """Random orthonormal rows (rows, columns), rows <= columns."""
    columns_first: Tensor = torch.linalg.qr(torch.empty(columns, rows).normal_(generator=random)).Q
    return columns_first.T
