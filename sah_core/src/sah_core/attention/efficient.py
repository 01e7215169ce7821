"""`EfficientAttention`: the same maskers, at a cost that follows the density."""

from __future__ import annotations

from collections.abc import Sequence

from sah_core.chain import check_chain, check_no_exact_logits
from sah_core.composition import Masker, fold_maskers
from sah_core.errors import UsageError
from sah_core.inputs import AttentionInputs
from sah_core.mask import Mask

from .backend import AttentionOutput, SparseAttention
from .gathered import gathered_attention

__all__ = ["EfficientAttention"]


class EfficientAttention(SparseAttention):
    """Reads the attended keys and values alone; masks and outputs are those of `ResearchAttention`.

    Raises CompositionError for a masker that needs the exact logits of all keys, such as an oracle.
    """

    def __init__(self, maskers: Sequence[Masker], seed: int = 0) -> None:
        super().__init__(maskers, seed)
        configs = [masker.config for masker in self.maskers]
        check_chain(configs)
        check_no_exact_logits(configs)

    def mask(self, inputs: AttentionInputs) -> Mask:
        """The mask that the maskers make for these inputs, as `ResearchAttention` makes it.

        The list of maskers was checked when this was built; that each obeys the rules of composition is not checked
        again at every call.
        """
        return fold_maskers(self.maskers, self._seeded(inputs))

    def __call__(self, inputs: AttentionInputs, *, need_weights: bool = False) -> AttentionOutput:
        """Attention output and mask; UsageError if weights are asked for, which are never formed over all keys."""
        if need_weights:
            raise UsageError(
                "the efficient backend has no attention weights over all keys to give: "
                "use kind: research for output_attentions"
            )
        mask = self.mask(inputs)
        return AttentionOutput(gathered_attention(inputs, mask), mask, path="gathered")
