"""`SparseAttention`: what every backend is, a list of maskers and a way to compute attention under their mask."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from typing import Any, ClassVar, Literal, Self

import attrs
from attrs import frozen
from torch import Tensor

from sah_core.composition import Masker, apply_maskers
from sah_core.config import AttentionConfig, parse_attention
from sah_core.inputs import AttentionInputs
from sah_core.mask import Mask
from sah_core.maskers import create_maskers
from sah_core.plugins import Registry

__all__ = ["AttentionOutput", "Path", "SparseAttention"]

Path = Literal["product", "compiled", "gathered", "scattered", "dense", "triton"]
"""How an output was computed:

* product: from the full product of queries and keys, whatever the mask;
* compiled: from the attended keys alone, read in place by a compiled loop on the CPU;
* gathered: from the attended keys alone, as torch gathers them; scattered: the same, channel by channel, as keys or
  values lie in memory in a way that takes several times as long to gather;
* dense: from all keys, as all are attended, or so many that this is cheaper;
* triton: from the attended keys alone, read in place by a GPU kernel.
"""


@frozen(eq=False)
class AttentionOutput:
    """What one attention call gave."""

    output: Tensor
    """(b, hq, q, dv), in the queries' dtype."""
    mask: Mask
    """What was attended to, with which probabilities."""
    weights: Tensor | None = None
    """Normalised weights before dropout (b, hq, q, k), where they were asked for."""
    path: Path = "product"
    """How it was computed."""


class SparseAttention(ABC):
    """A list of maskers and a way to compute attention under the mask they make.

    It keeps nothing between calls: what a request must remember is in ``inputs.state``, so one object serves every
    layer, request and thread.
    """

    gives_weights: ClassVar[bool] = True
    """Whether it has attention weights over all keys to give."""

    def __init__(
        self, maskers: Sequence[Masker], seed: int = 0, overrides: Mapping[int, Sequence[Masker]] | None = None
    ) -> None:
        """``overrides``: the maskers of layers that have other ones, by the layer's number."""
        self.maskers = tuple(maskers)
        self.seed = seed
        self.overrides = {layer: tuple(others) for layer, others in (overrides or {}).items()}

    def maskers_of(self, layer: int) -> tuple[Masker, ...]:
        """The maskers of a layer."""
        return self.overrides.get(layer, self.maskers)

    @classmethod
    def from_config(cls, config: AttentionConfig | Mapping[str, Any], registry: Registry | None = None) -> Self:
        """From the ``attention`` section of a config, or a mapping of the same form; errors as `load_config`'s.

        This class decides the backend, whatever the config's ``kind``: `create_attention` goes by that.
        """
        parsed = config if isinstance(config, AttentionConfig) else parse_attention(config, registry)
        overrides: dict[int, Sequence[Masker]] = {}
        for override in parsed.overrides:
            overrides |= dict.fromkeys(override.layers, create_maskers(override.maskers, registry))
        return cls(create_maskers(parsed.maskers, registry), parsed.seed, overrides)

    def mask(self, inputs: AttentionInputs) -> Mask:
        """The mask that the maskers make for these inputs; the config's seed is added to the inputs' own."""
        return apply_maskers(self.maskers_of(inputs.layer_idx), self._seeded(inputs))

    @abstractmethod
    def __call__(self, inputs: AttentionInputs, *, need_weights: bool = False) -> AttentionOutput:
        """Attention output and mask; errors as `masked_attention` and `apply_maskers`."""

    def _seeded(self, inputs: AttentionInputs) -> AttentionInputs:
        return attrs.evolve(inputs, seed=inputs.seed + self.seed) if self.seed else inputs
