"""MagicPIG as it is defined: every code compared with the query's, and the cosine taken of every key."""

import torch
from torch import Tensor
from torch.nn.functional import normalize, pad

from sah_core import AttentionInputs, Mask, SamplingMasker
from sah_core.grouped_heads import grouped_scores
from sah_core.mask import IndexRows
from sah_core.maskers import Residual
from sah_masker_magicpig import MagicPigConfig
from sah_masker_magicpig.codes import KeyCodes
from sah_masker_magicpig.collision import collision_probability
from sah_masker_magicpig.masker import MagicPig


def matches(index: KeyCodes, queries: Tensor, keys: Tensor) -> Tensor:
    """In how many tables each key's code equals each query's, int16 (b, hq, q, k); in all if one is not finite."""
    b, hq, q, d = queries.shape
    folded = queries.double().reshape(b, keys.shape[1], -1, d)
    of_queries = index.hash(folded)
    of_keys = index.hash(index.centered(keys))
    counts = torch.zeros((*of_queries.shape[:3], keys.shape[2]), dtype=torch.int16)
    for query, key in zip(of_queries.unbind(-1), of_keys.unbind(-1), strict=True):  # one table at a time
        counts += query.unsqueeze(-1) == key.unsqueeze(-2)
    finite = folded.isfinite().all(-1).unsqueeze(-1) & keys.isfinite().all(-1).unsqueeze(-2)
    return counts.masked_fill(~finite, index.config.tables).reshape(b, hq, q, keys.shape[2])


class PlainMagicPig(SamplingMasker[MagicPigConfig]):
    """Makes tensors of queries x keys."""

    def create_index(self, inputs: AttentionInputs) -> KeyCodes:
        return MagicPig(self.config).create_index(inputs)

    def draw(self, inputs: AttentionInputs, residual: Residual) -> Mask:
        index, config = self.index(inputs), self.config
        assert isinstance(index, KeyCodes)
        keys = inputs.keys[:, :, : index.length]
        q = normalize(inputs.queries.double(), dim=-1, eps=torch.finfo(torch.float64).tiny)
        k = normalize(index.centered(keys), dim=-1, eps=torch.finfo(torch.float64).tiny)
        zeros = grouped_scores((q == 0).all(-1, keepdim=True).double(), (k == 0).all(-1, keepdim=True).double())
        cos = (grouped_scores(q, k) + zeros).nan_to_num(nan=1.0)  # (b, hq, q, n)
        cos = torch.where(cos > 1 - 1e-14, 1.0, cos)
        pi = collision_probability(cos, config.bits, config.tables, config.min_matches).float()
        enough = (matches(index, inputs.queries, keys) >= config.min_matches) & (pi > 0)
        enough, pi = (pad(cells, (0, inputs.shape[3] - index.length)) for cells in (enough, pi))
        return Mask(inputs.shape, IndexRows.from_selected(residual.cells & enough, pi))


class SortedMagicPig(MagicPig):
    """All keys in bucket tables at once, however few."""

    def create_index(self, inputs: AttentionInputs) -> KeyCodes:
        usual = super().create_index(inputs)
        return KeyCodes(usual.config, self.projections(inputs), usual.padding, tail=0)
