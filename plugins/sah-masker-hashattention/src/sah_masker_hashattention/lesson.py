"""What a block teaches: some of its queries, and the keys that they should find."""

from __future__ import annotations

import torch
from attrs import frozen
from torch import Tensor

from sah_core import AttentionInputs

__all__ = ["Lesson"]

_QUERIES = 256
_CELLS = 2**22
"""At most so many queries of a block, and so many pairs of a query and a key over all heads (16 MiB in float32)."""


@frozen(eq=False)
class Lesson:
    """Queries (b, hq, m, d) and keys (b, hkv, n, d), float32; ``seen`` and ``wanted`` bool (b, hq, m, n).

    Each query sees more than ``top`` keys and wants the ``top`` with the largest exact logits.
    """

    top: int
    queries: Tensor
    keys: Tensor
    seen: Tensor
    wanted: Tensor

    @classmethod
    def of(cls, inputs: AttentionInputs, top: int, random: torch.Generator) -> Lesson | None:
        """Draw queries from a block; None if none sees more than ``top`` keys: then there is nothing to tell apart."""
        _, hq, _, n = inputs.shape
        able = (inputs.visible_counts.amax((0, 1)) > top).nonzero().flatten()
        if not len(able):
            return None
        m = min(_QUERIES, max(1, _CELLS // (hq * n)))
        drawn = able[torch.randperm(len(able), generator=random, device="cpu")[:m].to(able.device)]
        mask = inputs.attention_mask
        if mask is not None and mask.shape[2] > 1:
            mask = mask[:, :, drawn]
        asked = AttentionInputs(
            inputs.queries[:, :, drawn], inputs.keys, inputs.keys, mask, scaling=inputs.scaling, softcap=inputs.softcap
        )
        seen = asked.visible.expand(asked.shape)
        best = asked.logits.topk(top, dim=-1).indices
        wanted = torch.zeros_like(seen, memory_format=torch.contiguous_format).scatter(-1, best, value=True) & seen
        return cls(top, asked.queries.float(), asked.keys.float(), seen, wanted)

    def recall(self, scores: Tensor) -> float:
        """The share of wanted keys among the ``top`` best by whole-numbered ``scores`` (b, hq, m, n)."""
        n = scores.shape[-1]
        # Whole numbers apart, so that a fraction puts equal scores in order of position.
        ordered = scores.double() - torch.arange(n, device=scores.device) / n
        best = ordered.masked_fill(~self.seen, -torch.inf).topk(self.top, dim=-1).indices
        return float(self.wanted.gather(-1, best).count_nonzero() / self.wanted.count_nonzero())
