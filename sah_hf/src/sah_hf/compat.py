"""What differs between the versions of transformers that this package works with: all of it, in one place."""

from __future__ import annotations

import inspect
from collections.abc import Mapping
from typing import Any

from torch import Tensor, nn
from transformers import cache_utils

__all__ = ["REPLACING_CACHE_LAYERS", "filled_columns"]

REPLACING_CACHE_LAYERS: tuple[type, ...] = tuple(
    getattr(cache_utils, name)
    for name in ("DynamicLayer", "DynamicSlidingWindowLayer", "DynamicIndexedLayer", "DummyLayer")
    if hasattr(cache_utils, name)
)
"""Cache layers that update by replacing their tensors by new ones; the others write in place.

4.57 has only the first two.
"""


def filled_columns(module: nn.Module, given: Mapping[str, Any]) -> int:
    """How many columns the cache of a forward, called with these arguments by name, holds before it.

    4.57 tells a cache which columns to write, by ``cache_position``. Its static cache guesses how many it holds from
    its keys, and those of a padding token whose embedding is zero do not count. From 5 on caches count.
    """
    places = given.get("cache_position")
    if isinstance(places, Tensor) and "cache_position" in inspect.signature(module.forward).parameters:
        return int(places[0])
    return int(given["past_key_values"].get_seq_length())
