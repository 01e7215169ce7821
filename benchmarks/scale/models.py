"""Measure small random models: reading, decode steps and loading, and what the formulas say of each."""

from __future__ import annotations

import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from statistics import median
from typing import Any, Final

import attrs
import torch
import transformers
from transformers import AutoTokenizer

from benchmarks.request.models import dynamic_cache, llama
from benchmarks.timing.rounds import Contender, compare
from sah_core.config import ModelConfig
from sah_hf.models.loading import load_model
from sah_hf.models.model_input import clock
from sah_model_needle.checkpoint import directory

from .shapes import ModelShape

__all__ = ["SIZES", "Size", "Timed", "load_seconds", "made", "reading", "steps", "timer"]

STEPS: Final = 4
"""Tokens decoded by one call."""


@attrs.frozen
class Size:
    """A model to measure, with contexts of so many tokens to read, and to decode after."""

    name: str
    layers: int
    hidden: int
    head_dim: int
    read: tuple[int, ...]
    decoded: tuple[int, ...]
    fitted: bool
    """Whether speeds are fitted to it; else they are tried on it."""

    def wider(self, times: int) -> Size:
        """So many times as wide, with wider heads."""
        return attrs.evolve(self, hidden=times * self.hidden, head_dim=min(128, times * self.head_dim))


SIZES: Final = (
    Size("small", 4, 512, 64, (256, 1024, 3072), (1024, 4096, 16384), fitted=True),
    Size("middle", 4, 1024, 64, (512, 1536), (2048, 8192), fitted=False),
    Size("large", 2, 2048, 128, (256, 1024), (1024, 8192), fitted=True),
)
"""Weights of 60 to 430 MB in float32: more than caches hold."""


@attrs.frozen
class Timed:
    """Seconds of one forward, of each round."""

    shape: ModelShape
    tokens: int
    fitted: bool
    seconds: tuple[float, ...]

    @property
    def median(self) -> float:
        """Of the rounds."""
        return median(self.seconds)


def made(size: Size, dtype: torch.dtype, device: torch.device) -> Any:
    """A random Llama of the size: MLPs of 11/4 of the width, four query heads a KV head."""
    heads = size.hidden // size.head_dim
    model = llama(
        dtype,
        2 * max(*size.read, *size.decoded),
        vocab_size=4096,
        hidden_size=size.hidden,
        intermediate_size=size.hidden * 11 // 4,
        num_hidden_layers=size.layers,
        num_attention_heads=heads,
        num_key_value_heads=heads // 4,
    )
    return model.to(device)


@torch.no_grad()
def reading(models: Sequence[tuple[Size, Any]], rounds: int) -> list[Timed]:
    """Reading contexts of each length, with each model's own attention; all of them in the same rounds."""

    def forward(model: Any, tokens: int) -> None:
        ids = torch.zeros((1, tokens), dtype=torch.int64, device=model.device)
        model(input_ids=ids, use_cache=True, logits_to_keep=1)
        clock(model)

    works = [(size, model, tokens) for size, model in models for tokens in size.read]
    contenders = [Contender(f"{size.name} {n}", partial(forward, model, n)) for size, model, n in works]
    return _timed(works, contenders, rounds, 1)


@torch.no_grad()
def steps(models: Sequence[tuple[Size, Any]], rounds: int) -> list[Timed]:
    """A decode step after contexts of each length, with each model's own attention and growing cache, likewise."""
    works = [(size, model, tokens) for size, model in models for tokens in size.decoded]
    contenders = []
    for size, model, tokens in works:
        cache = dynamic_cache(model, tokens)
        for layer in cache.layers:
            layer.keys, layer.values = layer.keys.to(model.device), layer.values.to(model.device)
        around = partial(_restored, cache)
        contenders.append(Contender(f"{size.name} {tokens}", _decoding(model, cache), around=around))
    return _timed(works, contenders, rounds, STEPS)


def load_seconds(model: Any, rounds: int) -> tuple[float, ...]:
    """Seconds, the clock's, of loading it from a folder whose files the system has in memory."""
    logging: Any = transformers.logging  # which transformers leaves untyped
    logging.disable_progress_bar()
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        model.save_pretrained(folder)
        AutoTokenizer.from_pretrained(directory()).save_pretrained(folder)
        config = ModelConfig(name=str(folder), device=str(model.device))
        contender = Contender("load", lambda: clock(load_model(config).model))
        return compare([contender], rounds)["load"]


def timer(device: torch.device) -> Callable[[], float]:
    """The clock: on a CPU the processor's, which does not count what others do on it meanwhile."""
    return time.process_time if device.type == "cpu" else time.perf_counter


def _timed(
    works: Sequence[tuple[Size, Any, int]], contenders: Sequence[Contender], rounds: int, forwards: int
) -> list[Timed]:
    seconds = compare(contenders, rounds, clock=timer(works[0][1].device))
    return [
        Timed(_shape(model, size), tokens, size.fitted, tuple(each / forwards for each in measured))
        for (size, model, tokens), measured in zip(works, seconds.values(), strict=True)
    ]


def _shape(model: Any, size: Size) -> ModelShape:
    """Its shape, with its weights' own dtype, which its config need not say."""
    return attrs.evolve(ModelShape.of(model.config, size.name), itemsize=model.dtype.itemsize)


def _decoding(model: Any, cache: Any) -> Callable[[], None]:
    token = torch.zeros((1, 1), dtype=torch.int64, device=model.device)

    def decode() -> None:
        for _ in range(STEPS):
            model(input_ids=token, past_key_values=cache, use_cache=True)
        clock(model)

    return decode


@contextmanager
def _restored(cache: Any) -> Iterator[None]:
    """The cache as long as before, in the end."""
    before = [(layer.keys, layer.values) for layer in cache.layers]
    try:
        yield
    finally:
        for layer, (keys, values) in zip(cache.layers, before, strict=True):
            layer.keys, layer.values = keys, values
