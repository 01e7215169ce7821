"""Uniform draws that depend on what is asked, never on how the batch was put together."""

from __future__ import annotations

import hashlib

import torch
from torch import Tensor

from .grouped_heads import by_group
from .inputs import AttentionInputs

__all__ = ["generator", "row_uniforms"]


def generator(*name: int | str) -> torch.Generator:
    """A CPU generator seeded by what it is for: the same name, the same numbers, on every machine and device."""
    digest = hashlib.blake2b(repr(name).encode(), digest_size=8).digest()
    return torch.Generator(device="cpu").manual_seed(int.from_bytes(digest, "little") >> 1)


def row_uniforms(inputs: AttentionInputs, heads: int) -> Tensor:
    """A uniform number in [0, 1) for every visible key of every row, float64 (b, heads, q, k); 1 where not visible.

    Each query row has its own generator, seeded by (seed, row id, layer, masker position, the query's position among
    the real tokens); numbers are handed out in the order of the row's visible keys. So a row draws the same alone, in a
    batch, and behind left padding. Double precision, because a key of probability 1e-8 is not drawn fairly by float32.
    """
    b, _, q, k = inputs.shape
    seen = inputs.visible if inputs.visible.shape[1] == 1 else by_group(inputs.visible, heads).any(2)
    row_ids = range(b) if inputs.row_ids is None else inputs.row_ids
    positions = (inputs.positions.expand(b, q) - inputs.first_tokens.unsqueeze(-1)).tolist()
    lengths = (inputs.visible_counts if inputs.unmasked else seen.sum(-1)).amax(1).tolist()  # (b, q)
    numbers = torch.zeros((b, heads, q, k), dtype=torch.float64, device="cpu")
    for row in range(b):
        for query in range(q):
            n = lengths[row][query]
            name = ("draw", inputs.seed, row_ids[row], inputs.layer_idx, inputs.masker_position, positions[row][query])
            numbers[row, :, query, :n].uniform_(generator=generator(*name))
    if inputs.unmasked:
        return numbers.to(inputs.device)
    rank = (seen.cumsum(-1) - 1).clamp(min=0).expand(b, heads, q, k)
    return numbers.to(inputs.device).gather(-1, rank).masked_fill(~seen, 1.0)
