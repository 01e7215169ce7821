"""The shape of the embedded model: a Llama with four layers, as its ``config.json`` says it."""

from __future__ import annotations

from typing import Any, Final

from .vocabulary import BOS, EOS, PAD, WORDS

__all__ = ["CONFIG", "MAX_POSITIONS", "ROPE_THETA"]

ROPE_THETA: Final = 1_000_000.0
MAX_POSITIONS: Final = 16384

CONFIG: Final[dict[str, Any]] = {
    "architectures": ["LlamaForCausalLM"],
    "model_type": "llama",
    "vocab_size": len(WORDS),
    "hidden_size": 128,
    "intermediate_size": 256,
    "num_hidden_layers": 4,
    "num_attention_heads": 4,
    "num_key_value_heads": 2,
    "head_dim": 64,
    "hidden_act": "silu",
    "attention_bias": True,
    "mlp_bias": False,
    "rms_norm_eps": 1e-6,
    "max_position_embeddings": MAX_POSITIONS,
    # transformers 5 reads rope_parameters, transformers 4 reads rope_theta; each leaves the other's alone
    "rope_parameters": {"rope_type": "default", "rope_theta": ROPE_THETA},
    "rope_theta": ROPE_THETA,
    "initializer_range": 0.02,
    "tie_word_embeddings": False,
    "bos_token_id": BOS,
    "eos_token_id": EOS,
    "pad_token_id": PAD,
    # the weights are stored in half precision to be small, and computed with in single precision;
    # transformers 5 reads dtype, transformers 4 torch_dtype
    "dtype": "float32",
    "torch_dtype": "float32",
}
