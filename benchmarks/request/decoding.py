"""A model's decode step on a long context: sparse and dense, and how much of it is neither."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from contextlib import AbstractContextManager, contextmanager
from functools import partial
from statistics import median
from typing import Any, Final

import attrs
import torch
from transformers import StaticCache

from benchmarks.calls.chains import Chain
from benchmarks.results.record import Row
from benchmarks.timing.rounds import Contender, compare
from benchmarks.timing.statistics import Spread, ratio
from sah_hf import ModelAdapterHF

from .models import dynamic_cache, heads, static_cache

__all__ = ["decoding"]

GROWING: Final = "growing"
"""transformers' default cache, which copies all keys and values into new tensors with every token."""
FIXED: Final = "preallocated"
TOKENS: Final = 2
"""Decoded by one call."""
_CONCATENATION, _MLPS = "concatenation", "MLPs"


@attrs.frozen(eq=False)
class _Way:
    """A way of decoding: an implementation or a chain of maskers, on a cache."""

    name: str
    cache: str
    mode: Callable[[], AbstractContextManager[object]]

    @property
    def contender(self) -> str:
        return f"{self.name}, {self.cache}"


@torch.no_grad()
def decoding(model: Any, context: int, chains: Mapping[str, Chain], rounds: int) -> list[Row]:
    """A row for every way, all timed in the same rounds: milliseconds of a decode step, and tokens a second.

    Ratios are against the model's default attention, sdpa, on the same cache, and against the path of two products
    (eager) on the growing one. The shares of concatenating the caches and of the MLPs are from timing those by
    themselves; if attention took no time, a token would still take theirs. What a sparse mode does once, building its
    indexes, comes before the clock starts.
    """
    growing = dynamic_cache(model, context)
    caches = {GROWING: growing, FIXED: static_cache(model, growing)}
    modes: dict[str, Callable[[], AbstractContextManager[object]]] = {
        name: ModelAdapterHF(model, chain.config).enable_sparse_mode for name, chain in chains.items()
    }
    sdpa, matmul = (partial(_implementation, model, name) for name in ("sdpa", "eager"))
    ways = [_Way("sdpa", cache, sdpa) for cache in caches] + [_Way("matmul", GROWING, matmul)]
    ways += [_Way(name, cache, mode) for name, mode in modes.items() for cache in caches]
    contenders = [
        Contender(
            way.contender,
            partial(_steps, model, caches[way.cache], TOKENS),
            around=partial(_ready, model, caches[way.cache], context, way.mode),
        )
        for way in ways
    ]
    token = torch.zeros((1, 1, model.config.hidden_size), dtype=model.dtype)
    contenders += [
        Contender(_CONCATENATION, partial(_concatenate, model, growing), around=partial(_restored, growing, context)),
        Contender(_MLPS, lambda: [layer.mlp(token) for layer in model.model.layers]),
    ]
    seconds = compare(contenders, rounds)
    for way in ways:
        seconds[way.contender] = tuple(each / TOKENS for each in seconds[way.contender])
    return [_row(model, context, way, chains, seconds) for way in ways]


def _row(
    model: Any, context: int, way: _Way, chains: Mapping[str, Chain], seconds: Mapping[str, tuple[float, ...]]
) -> Row:
    own = seconds[way.contender]
    config = model.config
    ratios = {"against sdpa": ratio(seconds[f"sdpa, {way.cache}"], own)}
    if way.cache == GROWING:
        ratios["against matmul"] = ratio(seconds[f"matmul, {GROWING}"], own)
    parts = (_MLPS, _CONCATENATION) if way.cache == GROWING else (_MLPS,)
    alone = {part: median(seconds[part]) for part in parts}
    numbers = {
        "tokens a second": 1 / median(own),
        **{f"share of {part}": each / median(own) for part, each in alone.items()},
        "x against sdpa if attention took no time": median(seconds[f"sdpa, {way.cache}"]) / sum(alone.values()),
    }
    return Row(
        table="Decoding",
        operation=way.name,
        setting={
            "dtype": str(model.dtype).removeprefix("torch."),
            "context": context,
            "layers": config.num_hidden_layers,
            "heads": heads(model),
            "hidden": config.hidden_size,
            "MLP": config.intermediate_size,
            "cache": way.cache,
        },
        milliseconds={"token": Spread.of(own).times(1000)},
        ratios=ratios,
        reference="sdpa",
        config=chains[way.name].config if way.name in chains else None,
        numbers=numbers,
    )


@contextmanager
def _implementation(model: Any, name: str) -> Iterator[None]:
    before = model.config._attn_implementation
    model.set_attn_implementation(name)
    try:
        yield
    finally:
        model.set_attn_implementation(before)


@contextmanager
def _ready(model: Any, cache: Any, context: int, mode: Callable[[], AbstractContextManager[object]]) -> Iterator[None]:
    """In the mode, with a token decoded already and the cache back at the context before and after."""
    with _restored(cache, context), mode():
        _steps(model, cache, 1)
        yield


@contextmanager
def _restored(cache: Any, context: int) -> Iterator[None]:
    """The cache as long as the context in the end."""
    try:
        yield
    finally:
        for layer in cache.layers:
            if isinstance(cache, StaticCache):
                layer.cumulative_length.fill_(context)
            else:
                layer.keys, layer.values = layer.keys[:, :, :context], layer.values[:, :, :context]


def _steps(model: Any, cache: Any, tokens: int) -> None:
    for _ in range(tokens):
        model(input_ids=torch.zeros((1, 1), dtype=torch.int64), past_key_values=cache, use_cache=True)


def _concatenate(model: Any, cache: Any) -> None:
    """Take one token into every layer's cache."""
    config = model.config
    token = torch.zeros((1, config.num_key_value_heads, 1, config.head_dim), dtype=model.dtype)
    for layer in range(config.num_hidden_layers):
        cache.update(token, token, layer)
