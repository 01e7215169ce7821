"""Keys or values that compiled loops read in place."""

from __future__ import annotations

from attrs import frozen
from torch import Tensor

from sah_core.compiled.available import compiles
from sah_core.inputs import AttentionInputs

from .key_rows import lies_in_rows, set_starts

__all__ = ["CompiledRows", "few_enough"]

FEW = 16
"""Queries that share a key up to which a loop over them beats gathering keys for a matrix product."""


def few_enough(inputs: AttentionInputs, members: int) -> bool:
    """Whether loops can read these inputs, and are the faster way for sets that ``members`` queries share."""
    tensors = (inputs.queries, inputs.keys, inputs.values)
    return members <= FEW and compiles(*tensors) and lies_in_rows(inputs.keys) and lies_in_rows(inputs.values)


@frozen(eq=False)
class CompiledRows:
    """Keys or values (b, hkv, k, d), their channels beside each other, as the r sets of m keys of a mask read them."""

    tensor: Tensor
    places: Tensor
    """Where in the tensor's memory a set's keys begin, int64 (r, m)."""

    @classmethod
    def of(cls, tensor: Tensor, indices: Tensor, sets: tuple[int, int, int]) -> CompiledRows:
        """For sets numbered (b, heads, rows), heads a multiple of the KV heads; ``indices`` (r, m)."""
        batch_step, head_step, step, _ = tensor.stride()
        return cls(tensor, indices * step + set_starts(tensor, sets, batch_step, head_step))

    def beside(self, tensor: Tensor, indices: Tensor, sets: tuple[int, int, int]) -> CompiledRows:
        """The same sets of another tensor, the values beside these keys."""
        if tensor.stride() != self.tensor.stride() or tensor.shape != self.tensor.shape:
            return CompiledRows.of(tensor, indices, sets)
        return CompiledRows(tensor, self.places)

    def products(self, queries: Tensor) -> Tensor:
        """Inner products (r, n, m) of queries (r, n, d) float32 with the keys that their set reads."""
        from sah_core.compiled.gather import products
        from sah_core.compiled.memory import array, flat_memory
        from sah_core.compiled.over_rows import over_rows

        r, n, d = queries.shape
        logits = queries.new_empty((r, n, self.places.shape[1]))
        arrays = (array(queries.contiguous()), flat_memory(self.tensor), array(self.places), array(logits))
        over_rows(products, r, self.places.numel() * d, *arrays)
        return logits

    def average(self, weights: Tensor) -> Tensor:
        """The sums (r, n, d) of the values read, under weights (r, n, m) float32."""
        from sah_core.compiled.gather import average
        from sah_core.compiled.memory import array, flat_memory
        from sah_core.compiled.over_rows import over_rows

        r, n, _ = weights.shape
        d = self.tensor.shape[3]
        sums = weights.new_empty((r, n, d))
        arrays = (array(weights.contiguous()), flat_memory(self.tensor), array(self.places), array(sums))
        over_rows(average, r, self.places.numel() * d, *arrays)
        return sums
