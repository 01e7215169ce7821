"""A fork of a cache continues from it and leaves it alone, whatever kinds of layers it has."""

from __future__ import annotations

from typing import Any

import pytest
import torch
from transformers import DynamicCache, StaticCache

from sah_hf.contexts.cache import fork_cache

from .conftest import SLIDING, build_model


def contents(value: Any) -> list[torch.Tensor]:
    """Every tensor that a cache holds, in a fixed order, copied."""
    if isinstance(value, torch.Tensor):
        return [value.clone()]
    if isinstance(value, dict):
        return [tensor for key in sorted(value, key=str) for tensor in contents(value[key])]
    if isinstance(value, list | tuple):
        return [tensor for item in value for tensor in contents(item)]
    return contents(vars(value)) if hasattr(value, "__dict__") and not isinstance(value, type) else []


@torch.no_grad()
def continue_from(model: Any, cache: Any, ids: torch.Tensor, start: int) -> torch.Tensor:
    places = torch.arange(start, start + ids.shape[1])
    logits: torch.Tensor = model(
        input_ids=ids, past_key_values=cache, position_ids=places.unsqueeze(0), cache_position=places
    ).logits
    return logits


@pytest.mark.parametrize("context", [5, 40], ids=["window not full", "window full"])
def test_a_fork_leaves_the_cache_alone(model: Any, tokens: Any, context: int) -> None:
    """Every tensor and length of the cache is what it was after two forks of it were filled; both forks agree."""
    ids = tokens(context + 9)
    with torch.no_grad():
        cache = model(input_ids=ids[:, :context], use_cache=True).past_key_values
    before = contents(cache)
    assert before
    first = continue_from(model, fork_cache(cache), ids[:, context:], context)
    second = continue_from(model, fork_cache(cache), ids[:, context:], context)
    after = contents(cache)
    assert len(after) == len(before)
    assert all(torch.equal(old, new) for old, new in zip(before, after, strict=True))
    assert cache.get_seq_length() == context
    assert torch.equal(first, second)
    assert torch.equal(continue_from(model, cache, ids[:, context:], context), first)


@pytest.mark.parametrize("family", ["llama", *SLIDING])
def test_a_fork_of_a_static_cache(family: str, tokens: Any) -> None:
    """Static caches are written in place, so a fork has tensors of its own."""
    model = build_model(family)
    ids = tokens(45)
    cache = StaticCache(config=model.config, max_cache_len=64)
    continue_from(model, cache, ids[:, :40], 0)
    first = continue_from(model, fork_cache(cache), ids[:, 40:], 40)
    assert int(cache.get_seq_length()) == 40
    assert torch.equal(continue_from(model, fork_cache(cache), ids[:, 40:], 40), first)


def test_a_fork_of_a_dynamic_cache_copies_no_tensor(llama: Any, tokens: Any) -> None:
    """A long context's keys and values are shared between all questions."""
    cache = DynamicCache(config=llama.config)
    continue_from(llama, cache, tokens(20), 0)
    fork = fork_cache(cache)
    for new, old in zip(fork.layers, cache.layers, strict=True):
        assert new is not old
        assert vars(new)["keys"] is vars(old)["keys"]
        assert vars(new)["values"] is vars(old)["values"]
