"""One forward of a model as it was found, in the adapter's dense mode, and sparse with a mask that keeps every key."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import partial
from statistics import median
from typing import Any, Final

import torch

from benchmarks.request.models import dynamic_cache, heads
from benchmarks.results.record import Row
from benchmarks.timing.rounds import Contender, Seconds, compare
from benchmarks.timing.statistics import Spread, ratio
from sah_hf import ModelAdapterHF
from sah_hf.contexts.cache import fork_cache

__all__ = ["continuing", "reading"]

_FULL: Final[dict[str, Any]] = {"kind": "research", "maskers": [{"kind": "causal"}]}
_LEAST: Final = 1e-4
"""Seconds of a sample: short ones take turns often, and a busy moment meets them all."""
_FIRST, _PLAIN, _DENSE, _AGAIN = "first", "plain", "dense mode", "plain again"
_HOOKS, _EAGER, _SPARSE = "hooks", "eager", "full mask"


@torch.no_grad()
def continuing(model: Any, context: int, tokens: int, rounds: int) -> Row:
    """New tokens on a context in a growing cache.

    The dense mode against the model as it was found, its hooks timed alone as well; and research attention that keeps
    every key against the model's eager attention.
    """
    cache = dynamic_cache(model, context)
    given = {"input_ids": torch.zeros((1, tokens), dtype=torch.int64), "use_cache": True}

    def forward() -> None:
        model(**given, past_key_values=fork_cache(cache))

    adapter = ModelAdapterHF(model, _FULL)

    @contextmanager
    def sparse() -> Iterator[None]:
        with _eager(model), adapter.enable_sparse_mode():
            yield

    contenders = _dense_contenders(model, adapter, forward, {**given, "past_key_values": cache})
    contenders += [
        Contender(_EAGER, forward, around=partial(_eager, model)),
        Contender(_SPARSE, forward, around=sparse),
    ]
    operation = "a decode step" if tokens == 1 else f"a question of {tokens}"
    seconds = compare(contenders, rounds, _LEAST, time.process_time)
    sparsely = {f"{_SPARSE} / {_EAGER}": ratio(seconds[_SPARSE], seconds[_EAGER])}
    return _row(model, operation, context, seconds, sparsely)


@torch.no_grad()
def reading(model: Any, context: int, rounds: int) -> Row:
    """The context itself, in one forward: the dense mode against the model as it was found."""
    ids = torch.zeros((1, context), dtype=torch.int64)
    given: dict[str, Any] = {"input_ids": ids, "use_cache": True, "logits_to_keep": 1}

    def forward() -> None:
        model(**given)

    contenders = _dense_contenders(model, ModelAdapterHF(model, _FULL), forward, given)
    return _row(model, "reading", context, compare(contenders, rounds, _LEAST, time.process_time), {})


def _dense_contenders(
    model: Any, adapter: ModelAdapterHF, forward: Callable[[], None], given: dict[str, Any]
) -> list[Contender]:
    def hooks() -> None:
        """What the mode does to each forward, without the forward."""
        for part in (model, model.model):
            for before in part._forward_pre_hooks.values():
                before(part, (), given)
        for part in (model.model, model):
            for after in part._forward_hooks.values():
                after(part, (), None)

    # Before and after the dense mode the same: what it is compared with found the caches as it did, between them.
    return [
        Contender(_FIRST, forward),
        Contender(_PLAIN, forward),
        Contender(_DENSE, forward, around=adapter.enable_dense_mode),
        Contender(_AGAIN, forward),
        Contender(_HOOKS, hooks, around=adapter.enable_dense_mode),
    ]


def _row(model: Any, operation: str, context: int, seconds: Seconds, ratios: dict[str, Spread]) -> Row:
    around = (*seconds[_PLAIN], *seconds[_AGAIN])
    return Row(
        table="The adapter around a model",
        operation=operation,
        setting={
            "context": context,
            "layers": model.config.num_hidden_layers,
            "heads": heads(model),
            "hidden": model.config.hidden_size,
        },
        milliseconds={name: Spread.of(times).times(1000) for name, times in seconds.items() if name != _FIRST},
        ratios={
            f"{_DENSE} / {_PLAIN}": ratio(seconds[_DENSE] * 2, around),
            f"{_AGAIN} / {_PLAIN}": ratio(seconds[_AGAIN], seconds[_PLAIN]),
            **ratios,
        },
        config=_FULL,
        numbers={"hooks / plain": median(seconds[_HOOKS]) / median(around)},
    )


@contextmanager
def _eager(model: Any) -> Iterator[None]:
    before = model.config._attn_implementation
    model.set_attn_implementation("eager")
    try:
        yield
    finally:
        model.set_attn_implementation(before)
