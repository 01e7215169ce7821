"""The tensors of one attention call over a context that is already there."""

from __future__ import annotations

import math

import attrs
import torch
from torch import Tensor

from sah_core import AttentionInputs, AttentionState

__all__ = ["Call", "Heads"]

HEAVY_FIRST, HEAVY_LAST = 4, 28
HEAVY_LOGIT = 10.0
"""e^10 for each of 32 keys is about nine tenths of the sum over 32K keys with normally distributed logits."""


@attrs.frozen
class Heads:
    """How many heads a layer has, and how wide they are."""

    query: int = 32
    kv: int = 8
    width: int = 128

    def __str__(self) -> str:
        return f"{self.query} query and {self.kv} KV heads of {self.width}"


@attrs.frozen(eq=False)
class Call:
    """Queries (1, hq, q, d) of the last of the keys and values (1, hkv, context + q, d)."""

    queries: Tensor
    keys: Tensor
    values: Tensor
    attention_mask: Tensor | None = None

    @classmethod
    def random(cls, context: int, dtype: torch.dtype, heads: Heads, queries: int = 1, seed: int = 0) -> Call:
        """Every entry standard normal, and so, nearly, every logit."""
        random = torch.Generator().manual_seed(seed)

        def normal(count: int, length: int) -> Tensor:
            return torch.randn((1, count, length, heads.width), generator=random).to(dtype)

        keys = context + queries
        return cls(normal(heads.query, queries), normal(heads.kv, keys), normal(heads.kv, keys))

    @classmethod
    def peaked(cls, context: int, dtype: torch.dtype, heads: Heads, seed: int = 0) -> Call:
        """Random, but for 32 keys that all query heads of a KV head look for: their logits are about 10.

        They are the first 4 and the last 28, where language models look most. The queries of a group are the same
        direction with some noise; the heavy keys have that direction added.
        """
        random = torch.Generator().manual_seed(seed + 1)
        call = cls.random(context, torch.float32, heads, seed=seed)
        wanted = torch.nn.functional.normalize(torch.randn((1, heads.kv, 1, heads.width), generator=random), dim=-1)
        keys = call.keys.clone()
        keys[:, :, :HEAVY_FIRST] += HEAVY_LOGIT * wanted
        keys[:, :, -HEAVY_LAST:] += HEAVY_LOGIT * wanted
        towards = wanted.repeat_interleave(heads.query // heads.kv, 1) * math.sqrt(heads.width)
        queries = towards + 0.1 * call.queries
        return cls(queries.to(dtype), keys.to(dtype), call.values.to(dtype))

    @property
    def context(self) -> int:
        """Keys that were there before this call."""
        return self.keys.shape[2] - self.queries.shape[2]

    @property
    def heads(self) -> Heads:
        """Of its tensors."""
        return Heads(self.queries.shape[1], self.keys.shape[1], self.keys.shape[3])

    def with_causal_mask(self) -> Call:
        """The additive mask that a model gives beside: zeros, and the dtype's lowest number at later keys."""
        q, k = self.queries.shape[2], self.keys.shape[2]
        lowest = torch.finfo(self.queries.dtype).min
        mask = torch.full((q, k), lowest, dtype=self.queries.dtype).triu(k - q + 1)
        return attrs.evolve(self, attention_mask=mask.reshape(1, 1, q, k))

    def inputs(self, state: AttentionState | None = None) -> AttentionInputs:
        """The call as maskers see it, with nothing computed yet."""
        return AttentionInputs(self.queries, self.keys, self.values, self.attention_mask, state=state)
