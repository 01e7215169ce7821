"""Llama-shaped models of random weights, and a cache filled with random keys and values."""

from __future__ import annotations

from typing import Any

import torch
from transformers import DynamicCache, LlamaConfig, LlamaForCausalLM, StaticCache

from benchmarks.calls.call import Heads

__all__ = ["dynamic_cache", "heads", "llama", "static_cache"]

_SPARE = 64
"""Tokens that a preallocated cache has room for after the context."""


def llama(dtype: torch.dtype, longest: int, **shape: int) -> Any:
    """A Llama for contexts of up to ``longest`` tokens; ``shape`` as LlamaConfig names it."""
    make: Any = LlamaConfig  # whose fields have types that a mapping of numbers does not fit
    config = make(max_position_embeddings=longest, attn_implementation="sdpa", **shape)
    before = torch.get_default_dtype()
    torch.set_default_dtype(dtype)
    try:
        torch.manual_seed(0)
        model: Any = LlamaForCausalLM(config)
    finally:
        torch.set_default_dtype(before)
    return model.eval()


def dynamic_cache(model: Any, context: int) -> Any:
    """The cache that a model makes by itself, after ``context`` tokens with random keys and values."""
    cache = DynamicCache(config=model.config)
    _fill(cache, model, context)
    return cache


def static_cache(model: Any, filled: Any) -> Any:
    """A preallocated cache that holds what another one does."""
    cache = StaticCache(config=model.config, max_cache_len=filled.get_seq_length() + _SPARE)
    for layer, of in enumerate(filled.layers):
        cache.update(of.keys, of.values, layer)
    return cache


def _fill(cache: Any, model: Any, context: int) -> None:
    config = model.config
    shape = (1, config.num_key_value_heads, context, config.head_dim)
    random = torch.Generator().manual_seed(0)
    for layer in range(config.num_hidden_layers):
        keys, values = (torch.randn(shape, generator=random).to(model.dtype) for _ in range(2))
        cache.update(keys, values, layer)


def heads(model: Any) -> str:
    """How many heads of which width it has, in words."""
    config = model.config
    return str(Heads(config.num_attention_heads, config.num_key_value_heads, config.head_dim))
