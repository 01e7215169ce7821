"""The shape of a model's attention, read from its config alone: heads, widths and what each layer sees."""

from __future__ import annotations

from typing import Any

import torch
from attrs import frozen
from transformers import PretrainedConfig

from sah_hf.errors import UnsupportedModelError

__all__ = ["AttentionShape", "LayerGroup"]

_FULL = {"full_attention", "attention", "indexed_attention", "minimax_m3_sparse", "hybrid"}
"""Types of layers that see all keys, some after a selection of their own, some beside a recurrent part."""


@frozen
class LayerGroup:
    """Attention layers that see the same keys: all of them, or those of a sliding window."""

    layers: tuple[int, ...]
    window: int | None

    def keys(self, tokens: int) -> int:
        """How many keys the last of so many tokens sees."""
        return tokens if self.window is None else min(tokens, self.window)


@frozen
class AttentionShape:
    """Heads, widths, dtype and layers of a model's attention; layers without softmax attention are left out."""

    query_heads: int
    kv_heads: int
    key_width: int
    value_width: int
    dtype: torch.dtype
    groups: tuple[LayerGroup, ...]

    @classmethod
    def of(cls, config: PretrainedConfig) -> AttentionShape:
        """The shape that a model of this config has; raises UnsupportedModelError where the config does not tell."""
        text = config.get_text_config(decoder=True)
        if text.to_dict().get("per_layer_config"):
            raise UnsupportedModelError(
                f"the attention of a {config.model_type!r} model has another shape in some of its layers than in others"
            )
        heads = getattr(text, "decoder_attention_heads", None) or getattr(text, "num_attention_heads", None)
        if not isinstance(heads, int) or not _groups(text):
            raise UnsupportedModelError(
                f"the config of a {config.model_type!r} model does not tell its attention heads"
            )
        width = getattr(text, "head_dim", None) or text.hidden_size // heads
        kv_heads = getattr(text, "num_key_value_heads", None) or heads
        values = getattr(text, "v_head_dim", None) or width
        if getattr(text, "kv_lora_rank", None) is not None:
            # Latent attention: keys and values are expanded to one KV head a query head before attention reads them.
            kv_heads, width = heads, text.qk_nope_head_dim + text.qk_rope_head_dim
        dtype = getattr(text, "dtype", None)
        return cls(
            heads, kv_heads, width, values, dtype if isinstance(dtype, torch.dtype) else torch.float32, _groups(text)
        )

    @property
    def bytes_per_key(self) -> int:
        """Of one key and its value, in all KV heads of one layer."""
        return self.kv_heads * (self.key_width + self.value_width) * self.dtype.itemsize


def _groups(text: Any) -> tuple[LayerGroup, ...]:
    window = getattr(text, "sliding_window", None)
    default = "full_attention" if window is None else "sliding_attention"
    types = getattr(text, "layer_types", None) or getattr(text, "layers_block_type", None)
    types = types or [default] * text.num_hidden_layers
    kinds = (
        (_FULL, None),
        ({"sliding_attention", "hybrid_sliding"}, window),
        ({"chunked_attention"}, getattr(text, "attention_chunk_size", None)),
    )
    found = []
    for names, seen in kinds:
        layers = tuple(layer for layer, layer_type in enumerate(types) if layer_type in names)
        if layers:
            found.append(LayerGroup(layers, seen))
    return tuple(found)
