"""Shrink the default config of a model type: few layers, narrow ones, and the features kept.

What a config field counts is told by its name. Ratios of heads stay the default's; every kind of layer that the
default has is there at least once; a window is far shorter than the trial's context, so that it matters.
"""

from __future__ import annotations

from collections.abc import Mapping
from copy import deepcopy
from typing import Any

from transformers import PretrainedConfig

from .families import CHANGES, DEFAULTS

__all__ = ["HEAD_WIDTH", "VOCABULARY", "WINDOW", "shrunk"]

VOCABULARY = 64
WINDOW = 16
HEAD_WIDTH = 8
_POSITIONS = 128
_LARGEST_GROUP = 16
_MOST_LAYERS = 6

_LAYERS = (
    "num_hidden_layers",
    "n_layer",
    "n_layers",
    "num_layers",
    "decoder_layers",
    "num_decoder_layers",
    "encoder_layers",
)
_HEADS = ("num_attention_heads", "n_head", "n_heads", "num_heads", "attention_heads", "decoder_attention_heads")
_KV_HEADS = ("num_key_value_heads", "kv_n_heads", "num_kv_heads")
_WIDTHS = ("hidden_size", "d_model", "n_embd", "embedding_size", "dim_model", "emb_dim")
_HEAD_WIDTHS = ("head_dim", "d_kv", "dim_head", "kv_channels")
_HIDDEN_IN_THE_NAME = ("intermediate_size", "ffn_dim", "ffn_hidden_size")
_FIXED: dict[str, Any] = {
    "vocab_size": VOCABULARY,
    "vocab_size_per_layer_input": VOCABULARY,
    "pad_token_id": 0,
    "bos_token_id": 1,
    "eos_token_id": 2,
    "max_position_embeddings": _POSITIONS,
    "n_positions": _POSITIONS,
    "n_ctx": _POSITIONS,
    "max_seq_len": _POSITIONS,
    "sliding_window": WINDOW,
    "sliding_window_size": WINDOW,
    "attention_window_size": WINDOW,
    "attention_chunk_size": WINDOW,
    "local_attention": WINDOW,
    "rotary_dim": 4,
    "shape_vocab_size": VOCABULARY,
    "pronunciation_vocab_size": VOCABULARY,
    # experts
    "num_experts": 4,
    "num_local_experts": 4,
    "n_routed_experts": 4,
    "moe_num_experts": 4,
    "num_experts_per_tok": 2,
    "num_experts_per_token": 2,
    "moe_topk": 2,
    "moe_k": 2,
    "top_k_experts": 2,
    "n_group": 2,
    "num_expert_group": 2,
    "topk_group": 1,
    "n_shared_experts": 1,
    "num_shared_experts": 1,
    "moe_num_shared_experts": 1,
    "first_k_dense_replace": 1,
    "num_nextn_predict_layers": 0,
    # latent attention
    "q_lora_rank": 16,
    "kv_lora_rank": 16,
    "qk_rope_head_dim": 8,
    "qk_nope_head_dim": 16,
    "qk_head_dim": 24,
    "v_head_dim": 12,
    # a sparse attention of the model's own
    "index_topk": 12,
    "index_head_dim": 16,
    "index_n_heads": 2,
    # state-space and linear layers
    "mamba_d_state": 4,
    "mamba_n_heads": 4,
    "mamba_d_head": 16,
    "mamba_dt_rank": 4,
    "state_size": 4,
    "ssm_state_size": 4,
    "mamba_num_heads": 4,
    "mamba_head_dim": 16,
    "linear_num_key_heads": 2,
    "linear_num_value_heads": 4,
    "linear_num_heads": 4,
    "linear_key_head_dim": 8,
    "linear_value_head_dim": 8,
    "linear_head_dim": 8,
    "mamba_chunk_size": 8,
    "chunk_size": 8,
    "use_mamba_kernels": False,
}
# Set where a default leaves them out, though the model needs them.
_NEEDED = ("head_dim", "num_key_value_heads", "num_experts_per_tok", "n_routed_experts", "n_shared_experts")


def shrunk(default: PretrainedConfig) -> PretrainedConfig:
    """A config like this default one of its type, shrunk."""
    model_type = default.model_type
    changes = _merged(DEFAULTS.get(model_type, {}), _changes(default))
    if hasattr(default, "is_decoder") and not default.is_encoder_decoder:
        changes["is_decoder"] = True  # else tokens would see what comes after them
    # Some configs take apart what they are given.
    return type(default)(**deepcopy(_merged(changes, CHANGES.get(model_type, {}))))


def _merged(changes: Mapping[str, Any], special: Mapping[str, Any]) -> dict[str, Any]:
    merged = dict(changes)
    for name, value in special.items():
        merged[name] = _merged(merged.get(name) or {}, value) if isinstance(value, dict) else value
    return merged


def _changes(default: PretrainedConfig) -> dict[str, Any]:
    fields = {name: value for name, value in default.to_dict().items() if value is not None or name in _NEEDED}
    changes: dict[str, Any] = {name: value for name, value in _FIXED.items() if name in fields}
    changes |= _layers(fields)
    changes |= _heads(fields)
    for name, value in fields.items():
        if name not in changes and isinstance(value, int) and any(part in name for part in _HIDDEN_IN_THE_NAME):
            changes[name] = 32 if value else 0
    for name in default.sub_configs:
        part = getattr(default, name, None)
        if isinstance(part, PretrainedConfig):
            changes[name] = _changes(part)
    return changes


def _layers(fields: Mapping[str, Any]) -> dict[str, Any]:
    """The first layer of each kind, by every list that says something of each layer; two layers at least."""
    name = next((name for name in _LAYERS if isinstance(fields.get(name), int)), None)
    if name is None:
        return {}
    count = fields[name]
    lists = {other: value for other, value in fields.items() if isinstance(value, list | tuple) and len(value) == count}
    # Rising numbers are those of layers, and tell no kinds apart.
    numbers = [other for other, value in lists.items() if isinstance(value[0], int) and value == sorted(set(value))]
    kinds = [value for other, value in lists.items() if other not in numbers]
    firsts = {index for value in kinds for index, item in enumerate(value) if item not in value[:index]}
    kept = [index for index in sorted(firsts if len(firsts) > 1 else {0, 1} | firsts) if index < count][:_MOST_LAYERS]
    changes: dict[str, Any] = {other: [value[index] for index in kept] for other, value in lists.items()}
    changes |= {other: list(range(len(kept))) for other in numbers}
    changes |= {other: len(kept) for other in _LAYERS if isinstance(fields.get(other), int)}
    return changes


def _heads(fields: Mapping[str, Any]) -> dict[str, Any]:
    names = [name for name in _HEADS if isinstance(fields.get(name), int)]
    if not names:
        return {name: 4 * HEAD_WIDTH for name in _WIDTHS if name in fields}
    heads = fields[names[0]]
    shared = next((fields[name] for name in _KV_HEADS if isinstance(fields.get(name), int)), heads)
    group = min(heads // shared, _LARGEST_GROUP) or 1
    if group == 1 and "num_key_value_heads" in fields and "kv_lora_rank" not in fields:
        group = 2  # many default configs are those of a small model; the larger ones share KV heads
    kv_heads = 1 if shared == 1 else 2 if group > 1 else 4
    changes = dict.fromkeys(names, kv_heads * group)
    changes |= {name: kv_heads for name in _KV_HEADS if name in fields}
    changes |= {name: kv_heads * group * HEAD_WIDTH for name in _WIDTHS if name in fields}
    changes |= {name: HEAD_WIDTH for name in _HEAD_WIDTHS if name in fields}
    return changes
