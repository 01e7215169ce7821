"""MagicPIG: attention estimated from the keys that collide with the query."""

from __future__ import annotations

import torch
from torch import Tensor

from sah_core import AttentionInputs, Mask, SamplingMasker
from sah_core.mask import IndexRows
from sah_core.maskers import Residual
from sah_core.randomness import generator

from . import MagicPigConfig
from .angles import cosines_at
from .codes import KeyCodes
from .collision import collision_probability

__all__ = ["MagicPig"]


class MagicPig(SamplingMasker[MagicPigConfig]):
    """Draw the keys that collide with the query in L hash tables (Chen et al. 2024, arXiv:2410.16179, section 4).

    A key is drawn if its code equals the query's in at least ``min_matches`` tables. That happens with a probability
    pi (`collision_probability`) that grows with the cosine between q and k - mu, so that the sample favours keys with
    large weights; pi is known exactly, so that the weighted sample estimates numerator and denominator without bias.
    All the randomness is in the projections: a query asked twice under the same projections draws the same keys.

    Query heads draw by themselves, with the projections of their KV head. Queries are not centred: less mu, every
    logit of a row changes by the same amount. As in the authors' code, not their paper, two matches are the default.
    """

    def create_index(self, inputs: AttentionInputs) -> KeyCodes:
        """The keys' buckets, under projections drawn for this seed, layer and position in the list of maskers."""
        return KeyCodes(self.config, self.projections(inputs), inputs.padding_columns)

    def projections(self, inputs: AttentionInputs) -> Tensor:
        """W, float32 (hkv, d, L, K), from N(0, 1)."""
        shape = (inputs.kv_heads, inputs.keys.shape[3], self.config.tables, self.config.bits)
        random = generator("magicpig", inputs.seed, inputs.layer_idx, inputs.masker_position)
        return torch.randn(shape, generator=random, dtype=torch.float32, device="cpu").to(inputs.device)

    def draw(self, inputs: AttentionInputs, residual: Residual) -> Mask:
        """The residual keys that collide, with pi."""
        index = self.index(inputs)
        assert isinstance(index, KeyCodes)  # what create_index made
        found = residual.keep(index.collisions(inputs.queries, inputs.shape[3]))
        config = self.config
        cos = cosines_at(inputs, index, found.indices)
        pi = collision_probability(cos, config.bits, config.tables, config.min_matches).float()
        drawn = IndexRows(found.indices, found.counts, pi.masked_fill(~found.valid, 0.0), found.keys)
        return Mask(inputs.shape, drawn.keep(pi > 0))  # float32 has none below 1e-45
