"""What a rule is tried on: drawn inputs with a mask before them, and one example for rules that need many draws."""

from __future__ import annotations

import torch
from attrs import frozen
from hypothesis import strategies as st

from sah_core.inputs import AttentionInputs
from sah_core.mask import Mask
from sah_core.masker_config import MaskerConfig
from sah_core.randomness import generator

from .calibrations import calibrated_model
from .strategies import attention_inputs, masks

__all__ = ["Example", "Shapes", "examples"]


@frozen
class Shapes:
    """Which inputs suit a masker: its head dimensions; query and KV heads, if they are given; how many layers."""

    head_dims: tuple[int, ...] = (8, 16)
    heads: tuple[int, int] | None = None
    layers: int = 4

    @classmethod
    def of(cls, config: MaskerConfig, head_dims: tuple[int, ...]) -> Shapes:
        """Those of the model that the config's calibration was made of; any heads, for a config without one."""
        model = calibrated_model(config)
        if model is None:
            return cls(head_dims)
        return cls((model.head_dim,), (model.query_heads, model.kv_heads), model.layers)


@frozen(eq=False)
class Example:
    """Inputs and a mask before them."""

    inputs: AttentionInputs
    previous: Mask

    @classmethod
    def fixed(cls, shapes: Shapes) -> Example:
        """24 keys and 2 causal queries in float64, of which the first 2 keys are certain."""
        hq, hkv = shapes.heads or (4, 2)
        d, q, k = shapes.head_dims[0], 2, 24
        random = generator("conformance", "example")
        sizes = ((1, hq, q, d), (1, hkv, k, d), (1, hkv, k, 3))
        queries, keys, values = (
            torch.randn(size, generator=random, dtype=torch.float64, device="cpu") for size in sizes
        )
        causal = torch.ones((1, 1, q, k), dtype=torch.bool, device="cpu").tril(k - q)
        sink = Mask.from_indices((1, hq, q, k), torch.arange(2, device="cpu").reshape(1, 1, 1, 2))
        return cls(AttentionInputs(queries, keys, values, causal), sink)

    def __str__(self) -> str:
        inputs, previous = self.inputs, self.previous
        b, hq, q, k = inputs.shape
        rows = [
            f"batch {b}, {hq} query heads, {inputs.kv_heads} KV heads, {q} queries, {k} keys, "
            f"head dimension {inputs.queries.shape[3]}, layer {inputs.layer_idx}",
            f"visible keys {inputs.visible_counts.flatten().tolist()}, key offset {inputs.key_offset}",
            f"previous mask: {previous}",
        ]
        return "\n".join(rows)


@st.composite
def examples(draw: st.DrawFn, shapes: Shapes, /) -> Example:
    """Inputs of these shapes with 1 to 40 keys, and any mask before them that attends to visible keys only.

    The full mask, after which nothing happens, is left to the rule that is about it.
    """
    inputs = draw(attention_inputs(max_keys=40, head_dims=shapes.head_dims, heads=shapes.heads, layers=shapes.layers))
    previous = draw(masks(inputs.shape, representations=("empty", "index", "dense")))
    return Example(inputs, previous.restrict(inputs.visible))
