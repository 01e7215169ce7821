"""`EfficientAttention`: the same maskers, at a cost that follows the density."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from math import lcm

from sah_core.chain import check_chain, check_no_exact_logits
from sah_core.composition import Masker, fold_maskers
from sah_core.errors import UsageError
from sah_core.inputs import AttentionInputs
from sah_core.kernels.available import interpreted
from sah_core.mask import Mask
from sah_core.mask.storage import expand_rows

from .backend import AttentionOutput, SparseAttention
from .compiled_rows import few_enough
from .dense import dense_attention
from .gathered import gathered_attention
from .on_gpu import kernel_attention

__all__ = ["EfficientAttention"]

READ = 1.5
"""What it costs to read a key and its value in order, in products of one query with a key: measured on a CPU at 8K and
32K keys in float32, where a product and its share of the softmax take 16 ns. In 16 bits it costs more, as everything is
converted."""
GATHER, LOOP = (7.0, 1.0), (1.0, 0.5)
"""What it costs to read them from anywhere, and then a query, as torch gathers them or as a compiled loop does."""


class EfficientAttention(SparseAttention):
    """Reads the attended keys and values alone; masks and outputs are those of `ResearchAttention`.

    Raises CompositionError for a masker that needs the exact logits of all keys, such as an oracle.
    """

    gives_weights = False

    def __init__(
        self, maskers: Sequence[Masker], seed: int = 0, overrides: Mapping[int, Sequence[Masker]] | None = None
    ) -> None:
        super().__init__(maskers, seed, overrides)
        for each in (self.maskers, *self.overrides.values()):
            configs = [masker.config for masker in each]
            check_chain(configs)
            check_no_exact_logits(configs)

    def mask(self, inputs: AttentionInputs) -> Mask:
        """The mask that the maskers make for these inputs, as `ResearchAttention` makes it.

        The list of maskers was checked when this was built; that each obeys the rules of composition is not checked
        again at every call.
        """
        mask = fold_maskers(self.maskers_of(inputs.layer_idx), self._seeded(inputs))
        # What a masker returned dense is read by its keys all the same.
        return Mask(mask.shape, mask.index_rows()) if mask.representation == "dense" else mask

    def __call__(self, inputs: AttentionInputs, *, need_weights: bool = False) -> AttentionOutput:
        """Attention output and mask; UsageError if weights are asked for, which are never formed over all keys."""
        if need_weights:
            raise UsageError(
                "the efficient backend has no attention weights over all keys to give: "
                "use kind: research for output_attentions"
            )
        mask = self.mask(inputs)
        if keeps_everything(inputs, mask) or dense_is_cheaper(inputs, mask):
            return AttentionOutput(dense_attention(inputs, mask), mask, path="dense")
        if inputs.device.type != "cpu" or interpreted():
            by_kernel = kernel_attention(inputs, mask)
            if by_kernel is not None:
                return AttentionOutput(by_kernel, mask, path="triton")
        output, path = gathered_attention(inputs, mask)
        return AttentionOutput(output, mask, path=path)


def keeps_everything(inputs: AttentionInputs, mask: Mask) -> bool:
    """Whether nothing is left out, so that the output should be dense attention's to the last bits, however it is read.

    It is looked for only where a mask holds half of the keys or more.
    """
    if mask.representation == "full":
        return True
    stored = mask.index_rows(inputs.device)
    if 2 * stored.indices.shape[3] < inputs.shape[3] or stored.probs is not None:
        return False
    b, heads, queries, _ = inputs.shape
    return bool((expand_rows(stored.counts, (b, heads, queries)) >= inputs.visible_counts).all())


def dense_is_cheaper(inputs: AttentionInputs, mask: Mask) -> bool:
    """Whether reading every key once costs less than gathering what each stored row of the mask attends to."""
    stored = mask.index_rows(inputs.device)
    b, heads, queries, keys = inputs.shape
    sets = b * lcm(stored.rows[1], inputs.kv_heads) * stored.rows[2]  # each read once
    rows = b * heads * queries
    a_key, a_query = LOOP if few_enough(inputs, rows // sets) else GATHER
    gathered = stored.indices.shape[3] * (sets * a_key + rows * a_query)
    return gathered >= keys * (b * inputs.kv_heads * READ + rows)
