"""What the general rules of shrinking cannot know of a family, as data."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

__all__ = ["CHANGES", "DEFAULTS", "WIDELY_USED"]

_MUSICGEN = {
    "text_encoder": {"model_type": "t5"},
    "audio_encoder": {"model_type": "encodec"},
    "decoder": {"model_type": "musicgen_decoder"},
}
DEFAULTS: Mapping[str, Mapping[str, Any]] = {
    "gemma4_assistant": {"text_config": {"hidden_size_per_layer_input": 0, "vocab_size_per_layer_input": 0}},
    "mllama_text_model": {"rope_scaling": {"rope_type": "default"}},
    "musicgen": _MUSICGEN,
    "musicgen_melody": {**_MUSICGEN, "decoder": {"model_type": "musicgen_melody_decoder"}},
    "phi4_multimodal": {"vision_config": {}, "audio_config": {}},
    "xmod": {"default_language": "en_XX"},
}
"""What the config of a model type needs to be valid at all."""

# Layer types by the names that every version reads.
_MAMBA_THEN_ATTENTION = {"num_hidden_layers": 2, "layer_types": ["mamba", "attention"]}
_CONVOLUTION_THEN_FULL = {"num_hidden_layers": 2, "layer_types": ["conv", "full_attention"]}
_SHARED_TWICE = {"num_hidden_layers": 4, "layers_block_type": ["mamba", "hybrid"] * 2}
_LATENT = {"q_lora_rank": 16, "head_dim": 24, "qk_nope_head_dim": 16, "qk_rope_head_dim": 8, "v_head_dim": 12}
_ALL_SHARED = {"text_config": {"num_kv_shared_layers": 2}}  # an assistant reads the keys of another model
_GEMMA3N = {
    # The last two layers read the keys and values of the two before them.
    "num_hidden_layers": 4,
    "num_kv_shared_layers": 2,
    "layer_types": ["sliding_attention", "full_attention"] * 2,
    "intermediate_size": [32] * 4,
    "activation_sparsity_pattern": [0.5, 0.0] * 2,
    "hidden_size_per_layer_input": 8,
}

CHANGES: Mapping[str, Mapping[str, Any]] = {
    "bamba": {"attn_layer_indices": [1], "mamba_d_head": 32},
    "blt": {"encoder_hash_byte_group_vocab": 64},
    "cohere_compass_text": {"rope_parameters": {"full_attention": {"rope_type": "default", "rope_theta": 10000.0}}},
    "cpmant": {"position_bias_num_buckets": 32},
    "dbrx": {"attn_config": {"rope_theta": 10000.0, "clip_qkv": 8.0}},
    "dots3_note_text": {
        "per_layer_config": {1: {**_LATENT, "num_attention_heads": 2, "num_key_value_heads": 2, "kv_lora_rank": 8}},
        "num_hidden_layers": 2,
        "layer_types": ["indexed_attention", "sliding_attention"],
        "mlp_layer_types": ["dense", "sparse"],
    },
    "falcon_h1": {"mamba_d_ssm": 64},
    "gemma3n": {"text_config": _GEMMA3N},
    "gemma3n_text": _GEMMA3N,
    "gemma4_assistant": {"text_config": {"num_kv_shared_layers": 2, "vocab_size_per_layer_input": 0}},
    "gemma4_unified_assistant": _ALL_SHARED,
    "granitemoehybrid": {**_MAMBA_THEN_ATTENTION, "mamba_d_head": 16},
    "gpt_neo": {"attention_types": [[["global", "local"], 1]], "num_layers": 2},
    "jamba": {"attn_layer_period": 2, "attn_layer_offset": 1},
    "lfm2": _CONVOLUTION_THEN_FULL,
    "lfm2_moe": {**_CONVOLUTION_THEN_FULL, "num_dense_layers": 1},
    "mamba2": {"num_heads": 4, "head_dim": 16, "n_groups": 2},
    "minimax_m3_vl_text": {
        "num_hidden_layers": 2,
        "layer_types": ["full_attention", "minimax_m3_sparse"],
        "mlp_layer_types": ["dense", "sparse"],
        "index_block_size": 4,
        "index_topk_blocks": 3,
    },
    "nemotron_h": {"n_groups": 2},
    "qwen4_exp_text": {
        "indexer_budget": 8,
        "indexer_compress_ratio": 4,
        "indexer_head_dim": 8,
        "indexer_kv_heads": 1,
        "indexer_n_heads": 2,
    },
    "recurrent_gemma": {"num_hidden_layers": 3},
    "reformer": {
        "axial_pos_embds_dim": [16, 16],
        "axial_pos_shape": [8, 16],
        "num_hidden_layers": 2,
        "attn_layers": ["local", "lsh"],
    },
    "xlstm": {"hidden_size": 128, "num_heads": 2},
    "zamba": {**_SHARED_TWICE, "mamba_dt_rank": 4},
    "zamba2": {**_SHARED_TWICE, "n_mamba_heads": 4},
    "zaya": {"num_experts_per_tok": 1},
}
"""Fields beside, or instead of, those that the general rules change."""

WIDELY_USED = frozenset(
    [
        "bloom",
        "cohere",
        "cohere2",
        "deepseek_v2",
        "deepseek_v3",
        "deepseek_v32",
        "ernie4_5",
        "exaone4",
        "falcon",
        "falcon_h1",
        "gemma",
        "gemma2",
        "gemma3",
        "gemma3_text",
        "gemma3n_text",
        "gemma4",
        "gemma4_text",
        "glm",
        "glm4",
        "glm4_moe",
        "glm_moe_dsa",
        "gpt2",
        "gpt_neox",
        "gpt_oss",
        "gptj",
        "granite",
        "granitemoehybrid",
        "jamba",
        "kimi_linear",
        "lfm2",
        "llama",
        "llama4",
        "llama4_text",
        "mamba2",
        "minimax_m2",
        "mistral",
        "ministral3",
        "mixtral",
        "mpt",
        "nemotron",
        "nemotron_h",
        "olmo2",
        "olmo3",
        "olmoe",
        "opt",
        "phi",
        "phi3",
        "qwen2",
        "qwen2_moe",
        "qwen3",
        "qwen3_5",
        "qwen3_5_moe",
        "qwen3_moe",
        "qwen3_next",
        "seed_oss",
        "smollm3",
        "stablelm",
        "starcoder2",
    ]
)
"""Model types that come first in the table."""
