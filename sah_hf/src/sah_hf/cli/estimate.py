"""Estimate, without a model's weights, what a config's maskers keep and hold at a context length.

The maskers run for one decoding step on random keys and queries of the model's head shapes: one KV head and the query
heads that share it. What depends on the keys' content (a mass, a collision) will differ on real ones; what is a budget
or a window will not.
"""

from __future__ import annotations

import json
from collections.abc import Collection
from typing import Any

import attrs
import torch
from attrs import frozen
from transformers import PretrainedConfig

from sah_core import (
    AttentionConfig,
    AttentionInputs,
    AttentionState,
    ConfigError,
    MaskerConfig,
    PositionalMasker,
    UsageError,
    apply_maskers,
    create_attention,
)
from sah_hf.attention.attention_shape import AttentionShape, LayerGroup

__all__ = ["Estimate", "LayerEstimate", "estimate"]


@frozen
class LayerEstimate:
    """One decoding step in the sparse layers that see equally many keys."""

    layers: tuple[int, ...]
    window: int | None
    """Of the layers' sliding window, if they have one."""
    keys: int
    """Visible keys."""
    attended: float
    """Mean over query heads of the keys attended to."""
    positional: float
    """The same with the positional maskers (sink, local, ...) alone."""
    index_bytes: int
    """Of the maskers' indexes, all KV heads, all these layers."""


@frozen
class Estimate:
    """What a config would keep and hold; measured on random keys, see the module."""

    model: str
    tokens: int
    dtype: str
    dense_layers: tuple[int, ...]
    layers: tuple[LayerEstimate, ...]
    kv_bytes: int
    """Of the keys and values that dense attention reads for one token, in all attention layers."""

    @property
    def density(self) -> float:
        """Attended over visible keys, in all sparse layers together."""
        return self._share([group.attended for group in self.layers])

    @property
    def positional_density(self) -> float:
        """The same with the positional maskers alone."""
        return self._share([group.positional for group in self.layers])

    @property
    def index_bytes(self) -> int:
        """Of all indexes."""
        return sum(group.index_bytes for group in self.layers)

    def _share(self, attended: list[float]) -> float:
        pairs = list(zip(self.layers, attended, strict=True))
        return sum(kept * len(group.layers) for group, kept in pairs) / sum(g.keys * len(g.layers) for g, _ in pairs)

    def to_dict(self) -> dict[str, Any]:
        """All of it as plain values, the totals included."""
        totals = ("density", "positional_density", "index_bytes")
        return {**attrs.asdict(self), "keys_are": "random", **{name: getattr(self, name) for name in totals}}

    def to_json(self, *, indent: int | None = None) -> str:
        """`to_dict` as JSON."""
        return json.dumps(self.to_dict(), indent=indent)


def estimate(attention: AttentionConfig, model: PretrainedConfig, tokens: int, name: str = "") -> Estimate:
    """What these maskers keep of ``tokens`` tokens in a model of this config, and what their indexes hold.

    Raises UsageError for fewer than two tokens and ConfigError where no layer is left sparse.
    """
    if tokens < 2:
        raise UsageError(f"an estimate needs a context of one token and a query, so 2 tokens or more, not {tokens}")
    shape = AttentionShape.of(model)
    dense = set(attention.dense_layers)
    sparse = [part for group in shape.groups for part in _by_maskers(attention, group, dense)]
    measured = tuple(_measure(attention, shape, group, tokens) for group in sparse if group.layers)
    if not measured:
        raise ConfigError("attention.dense_layers leaves no layer sparse, so there is nothing to estimate")
    keys_read = sum(len(group.layers) * group.keys(tokens) for group in shape.groups)
    return Estimate(
        model=name or str(model.name_or_path),
        tokens=tokens,
        dtype=str(shape.dtype).removeprefix("torch."),
        dense_layers=attention.dense_layers,
        layers=measured,
        kv_bytes=keys_read * shape.bytes_per_key,
    )


def _by_maskers(attention: AttentionConfig, group: LayerGroup, dense: Collection[int]) -> list[LayerGroup]:
    """The group's sparse layers, those with the same maskers together."""
    parts: dict[tuple[MaskerConfig, ...], list[int]] = {}
    for layer in group.layers:
        if layer not in dense:
            parts.setdefault(attention.maskers_of(layer), []).append(layer)
    return [attrs.evolve(group, layers=tuple(layers)) for layers in parts.values()]


def _measure(attention: AttentionConfig, shape: AttentionShape, group: LayerGroup, tokens: int) -> LayerEstimate:
    generator = torch.Generator().manual_seed(attention.seed)
    visible = group.keys(tokens)

    def normal(heads: int, length: int, width: int) -> torch.Tensor:
        return torch.randn(1, heads, length, width, generator=generator).to(shape.dtype)

    state = AttentionState(context_length=tokens - 1)
    sparse = create_attention(attention)
    inputs = AttentionInputs(
        normal(shape.query_heads // shape.kv_heads, 1, shape.key_width),
        normal(1, visible, shape.key_width),
        normal(1, visible, shape.value_width),
        key_offset=tokens - visible,
        layer_idx=group.layers[0],
        state=state,
    )
    positional = [masker for masker in sparse.maskers_of(group.layers[0]) if isinstance(masker, PositionalMasker)]
    return LayerEstimate(
        layers=tuple(sorted(group.layers)),
        window=group.window,
        keys=visible,
        attended=float(sparse.mask(inputs).attended().float().mean()),
        positional=float(apply_maskers(positional, inputs).attended().float().mean()) if positional else 0.0,
        index_bytes=state.nbytes * shape.kv_heads * len(group.layers),
    )
