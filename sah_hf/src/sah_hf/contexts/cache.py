"""Fork a KV cache: continue from it without changing it; and how much memory it holds.

Cropping a cache back does not return to where it was: sliding layers have dropped keys by then, linear-attention layers
have no length to crop, quantized ones round anew. A fork leaves the context's cache alone instead.
"""

from __future__ import annotations

import copy
from collections.abc import Iterable, Iterator
from typing import Any

from torch import Tensor
from transformers import cache_utils

from sah_hf.compat import REPLACING_CACHE_LAYERS
from sah_hf.modes.watched_cache import forget_watchers

__all__ = ["fork_cache", "held_bytes", "is_cache_part"]


def fork_cache(cache: Any) -> Any:
    """A cache with the same content, which can be filled further without changing this one.

    Layers that are only ever replaced share their tensors with the original: nothing is copied. Everything else, such
    as the states of linear attention, is copied.
    """
    layers = getattr(cache, "layers", None)
    if layers is None or type(cache).__module__ != cache_utils.__name__:
        return copy.deepcopy(cache)
    fork = copy.copy(cache)
    forget_watchers(fork)
    fork.layers = [
        copy.copy(layer) if type(layer) in REPLACING_CACHE_LAYERS else copy.deepcopy(layer) for layer in layers
    ]
    return fork


def held_bytes(cache: Any) -> int:
    """Bytes of memory that a cache's tensors hold; memory that several of them share counts once, and whole."""
    storages = {tensor.untyped_storage()._cdata: tensor.untyped_storage().nbytes() for tensor in _tensors(cache)}
    return sum(storages.values())


def is_cache_part(value: Any) -> bool:
    """Whether it is a cache or a layer of one, of transformers' or a model's own making."""
    made_by_transformers = any(origin.__module__ == cache_utils.__name__ for origin in type(value).__mro__)
    return made_by_transformers or hasattr(value, "get_seq_length")


def _tensors(part: Any) -> Iterator[Tensor]:
    """Every tensor in a cache, or in a part of one."""
    if isinstance(part, Tensor):
        yield part
        return
    if isinstance(part, list | tuple | dict):
        parts: Iterable[Any] = part.values() if isinstance(part, dict) else part
    else:
        parts = vars(part).values() if is_cache_part(part) else ()
    for each in parts:
        yield from _tensors(each)
