"""MagicPIG: attention estimated from the keys that collide with the query."""

from __future__ import annotations

import torch
from torch import Tensor
from torch.nn.functional import normalize, pad

from sah_core import AttentionInputs, Mask, SamplingMasker
from sah_core.grouped_heads import grouped_scores
from sah_core.mask import IndexRows
from sah_core.maskers import Residual
from sah_core.randomness import generator

from . import MagicPigConfig
from .codes import KeyCodes
from .collision import collision_probability

__all__ = ["MagicPig"]

SMALLEST = torch.finfo(torch.float64).tiny
"""Below any norm that float64 can square: only a zero vector stays one when normalised."""


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
        """The keys' codes, under projections drawn for this seed, layer and position in the list of maskers."""
        shape = (inputs.kv_heads, inputs.keys.shape[3], self.config.tables, self.config.bits)
        random = generator("magicpig", inputs.seed, inputs.layer_idx, inputs.masker_position)
        projections = torch.randn(shape, generator=random, dtype=torch.float64, device="cpu").to(inputs.device)
        return KeyCodes(self.config, projections, inputs.padding_columns)

    def inclusion(self, inputs: AttentionInputs, residual: Residual) -> Tensor:
        """pi of every key, float32 (b, hq, q, k)."""
        return self._probabilities(inputs, self._codes(inputs))

    def draw(self, inputs: AttentionInputs, residual: Residual) -> Mask:
        """The residual keys that collide, with pi; those of pi = 1 whatever the rounding of their bits."""
        index = self._codes(inputs)
        pi = self._probabilities(inputs, index)
        enough = _matches(inputs, index) >= self.config.min_matches
        drawn = residual.cells & (pi > 0) & (enough | (pi == 1))
        return Mask(inputs.shape, IndexRows.from_selected(drawn, pi))

    def _codes(self, inputs: AttentionInputs) -> KeyCodes:
        index = self.index(inputs)
        assert isinstance(index, KeyCodes)  # what create_index made
        return index

    def _probabilities(self, inputs: AttentionInputs, index: KeyCodes) -> Tensor:
        """pi, float32 (b, hq, q, k), computed in float64."""
        q = normalize(inputs.queries.double(), dim=-1, eps=SMALLEST)
        k = normalize(index.centered(inputs.keys[:, :, : index.length]), dim=-1, eps=SMALLEST)
        cos = grouped_scores(q, k)  # (b, hq, q, n)
        # A zero vector has the code 0: against a zero vector that is certain, against others a bit is worth 1 / 2.
        zeros = grouped_scores((q == 0).all(-1, keepdim=True).double(), (k == 0).all(-1, keepdim=True).double())
        # A NaN is certain to be drawn, so that attention refuses it.
        cos = (cos + zeros).nan_to_num(nan=1.0)
        config = self.config
        pi = collision_probability(cos, config.bits, config.tables, config.min_matches)
        return pad(pi.float(), (0, inputs.shape[3] - index.length))


def _matches(inputs: AttentionInputs, index: KeyCodes) -> Tensor:
    """In how many tables each key's code equals the query's, int16 (b, hq, q, k)."""
    b, hq, q, k = inputs.shape
    queries = index.hash(inputs.queries.double().reshape(b, inputs.kv_heads, -1, inputs.keys.shape[3]))
    counts = torch.zeros((*queries.shape[:3], index.length), dtype=torch.int16, device=inputs.device)
    for query, key in zip(queries.unbind(-1), index.codes.unbind(-1), strict=True):  # one table at a time
        counts += query.unsqueeze(-1) == key.unsqueeze(-2)
    return pad(counts.reshape(b, hq, q, index.length), (0, k - index.length))
