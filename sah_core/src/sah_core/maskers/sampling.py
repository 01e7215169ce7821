"""Maskers that draw keys at random and store with what probability."""

from __future__ import annotations

from typing import Generic, TypeVar

import torch
from attrs import frozen
from torch import Tensor

from sah_core.errors import CompositionError
from sah_core.inputs import AttentionInputs
from sah_core.mask import IndexRows, Mask
from sah_core.masker_config import MaskerConfig
from sah_core.randomness import row_uniforms
from sah_core.state import KeyIndex

from .indexing import index_of
from .open_units import OpenUnits
from .random_order import RandomOrder
from .units import Units

__all__ = ["Residual", "SamplingMasker"]

ConfigT = TypeVar("ConfigT", bound=MaskerConfig)


@frozen(eq=False)
class Residual:
    """The keys a sampler may draw from: visible, and not attended so far.

    Its rows are those of the query heads, or of the KV heads where a KV group draws once from the union of its
    residuals. ``kept`` is the mask so far, every entry certain: what the draw is added to.
    """

    open: OpenUnits
    kept: Mask
    _inputs: AttentionInputs

    @property
    def cells(self) -> Tensor:
        """Which keys each row may draw, bool (b, rows, q, k): made when it is asked for, and as large as that."""
        return self.open.of_rows()

    @property
    def counts(self) -> Tensor:
        """How many keys each row may draw from, int64 (b, rows, q)."""
        return self.open.counts

    def uniforms(self) -> Tensor:
        """One seeded uniform number in [0, 1) for every key, float64 (b, rows, q, k); 1 outside the residual.

        Use it once a call: two draws from the same numbers are not independent.
        """
        return self.open.hide(row_uniforms(self._inputs, self.open.shape[1]), 1.0)

    def in_random_order(self) -> RandomOrder:
        """The residual of each row in random order, of which only a beginning is ever made."""
        return RandomOrder(self.uniforms(), self.counts)

    def keep(self, keys: IndexRows) -> IndexRows:
        """Those of the ``keys`` (b, rows, q) that lie in the residual."""
        return keys.expand(self.open.shape).keep(self.open.contains(keys))


class SamplingMasker(Generic[ConfigT]):
    """Draws from each row's residual; what was attended before becomes certain.

    A method writes `inclusion`, the probability of each residual key, and the base draws each key independently; or it
    writes `draw`, where the drawing itself is the method. Either way the stored probability must be exactly that of the
    event that the key was drawn: then every chain of maskers estimates numerator and denominator without bias.
    """

    def __init__(self, config: ConfigT) -> None:
        self.config = config

    @property
    def share_kv_group(self) -> bool:
        """Whether the query heads of a KV head share one draw."""
        return bool(getattr(self.config, "share_kv_group", False))

    def create_index(self, inputs: AttentionInputs) -> KeyIndex | None:
        """An empty index for this layer; None for a method without one."""
        return None

    def inclusion(self, inputs: AttentionInputs, residual: Residual) -> Tensor:
        """The probability in [0, 1] with which each residual key is drawn, broadcastable to (b, rows, q, k).

        What stands outside the residual does not matter. A method that writes `draw` need not write it.
        """
        raise CompositionError(f"{self.config.kind} should have inclusion, or a draw of its own")

    def draw(self, inputs: AttentionInputs, residual: Residual) -> Mask:
        """The drawn keys with their inclusion probabilities: here, each key independently."""
        numbers = residual.uniforms()
        probs = self.inclusion(inputs, residual).to(torch.float32).expand_as(numbers)
        return Mask(inputs.shape, IndexRows.from_selected(numbers < probs, probs))

    def add_mask(self, inputs: AttentionInputs, previous: Mask) -> Mask:
        """Everything before, for certain, and the draw."""
        if previous.representation == "full":
            return previous
        rows = inputs.kv_heads if self.share_kv_group else inputs.shape[1]
        kept = previous.promote()
        residual = Residual(OpenUnits.of(inputs, Units.of(inputs, 1), kept).of_groups(rows), kept, inputs)
        drawn = self.draw(inputs, residual)
        if drawn.shape != inputs.shape:
            raise CompositionError(f"{self.config.kind} drew a mask of shape {drawn.shape}; expected {inputs.shape}")
        # A draw that several heads share may hold keys that not all of them see.
        alike = inputs.unmasked or inputs.visible.shape[1] in (1, rows)
        return kept | (drawn if alike else drawn.restrict(inputs.visible))

    def index(self, inputs: AttentionInputs) -> KeyIndex | None:
        """This masker's index over all keys up to the last query's."""
        return index_of(self.config, inputs, self.create_index)
