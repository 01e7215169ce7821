"""The shared switch: while anyone needs it, a model's configs name our attention and its forwards tell us their inputs.

Both belong to the model, which several threads and adapters may share, so they are counted: the first to come sets
them, the last to leave puts them back as they were found. Whether a call is sparse is decided elsewhere, per context.
"""

from __future__ import annotations

import functools
import threading
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from typing import Any

from attrs import define
from torch import nn
from torch.utils.hooks import RemovableHandle
from transformers import PretrainedConfig, PreTrainedModel

__all__ = [
    "IMPLEMENTATION",
    "attention_switched",
    "configs_of",
    "forwards_observed",
    "generations_led",
    "original_implementation",
]

IMPLEMENTATION = "sah_sparse"
"""The name under which our attention and mask functions are registered with transformers."""


@define
class _Held:
    target: Any  # kept alive, so that its id stays its own
    begin: Callable[[], None]
    undo: Callable[[], None]
    original: str | None = None
    holders: int = 0


_lock = threading.RLock()
_configs: dict[int, _Held] = {}
_modules: dict[int, _Held] = {}
_generators: dict[int, _Held] = {}


def configs_of(model: nn.Module) -> list[PretrainedConfig]:
    """Every config object that a module of this model, or a config of one, refers to."""
    found: dict[int, PretrainedConfig] = {}
    waiting: list[Any] = [
        module.config for module in model.modules() if isinstance(getattr(module, "config", None), PretrainedConfig)
    ]
    while waiting:
        config = waiting.pop()
        if id(config) not in found:
            found[id(config)] = config
            parts = (getattr(config, name, None) for name in getattr(config, "sub_configs", {}))
            waiting.extend(part for part in parts if isinstance(part, PretrainedConfig))
    return list(found.values())


@contextmanager
def attention_switched(model: nn.Module) -> Iterator[None]:
    """Within it, every config object of the model names our attention implementation."""
    with _held(_configs, configs_of(model), _switched):
        yield


@contextmanager
def forwards_observed(model: nn.Module, begins: Callable[..., None], ends: Callable[..., None]) -> Iterator[None]:
    """Within it, ``begins(module, args, kwargs)`` is called before every forward of the model and its submodels.

    ``ends(module, args, output)`` is called after each that came to its end. All who observe one model must pass the
    same functions: they are hooked in once, whoever else comes.
    """

    def hooked(module: nn.Module) -> _Held:
        handles: list[RemovableHandle] = []

        def begin() -> None:
            handles.append(module.register_forward_pre_hook(begins, with_kwargs=True))
            handles.append(module.register_forward_hook(ends))

        def undo() -> None:
            while handles:
                handles.pop().remove()

        return _Held(module, begin, undo)

    submodels = [module for module in model.modules() if module is model or isinstance(module, PreTrainedModel)]
    with _held(_modules, submodels, hooked):
        yield


@contextmanager
def generations_led(model: nn.Module, lead: Callable[..., Any]) -> Iterator[None]:
    """Within it, ``model.generate(...)`` is ``lead(model, generate, args, kwargs)``; the same ``lead`` for all."""

    def led(module: Any) -> _Held:
        own, generate = vars(module).get("generate"), module.generate

        @functools.wraps(generate)
        def through(*args: Any, **keywords: Any) -> Any:
            return lead(module, generate, args, keywords)

        def undo() -> None:
            del vars(module)["generate"]
            if own is not None:
                vars(module)["generate"] = own

        return _Held(module, begin=lambda: vars(module).update(generate=through), undo=undo)

    with _held(_generators, [model] if callable(getattr(model, "generate", None)) else [], led):
        yield


def original_implementation(config: PretrainedConfig) -> str:
    """The attention implementation that this config names when nobody has switched it."""
    for _ in range(2):  # once more where another thread put the config back between the two looks
        held = _configs.get(id(config))
        if held is not None and held.original is not None:
            return held.original
        current: str | None = config._attn_implementation
        if current is not None and current != IMPLEMENTATION:
            return current
    return "eager"  # a copy made of a switched config does not know where it came from


@contextmanager
def _held(registry: dict[int, _Held], targets: Iterable[Any], make: Callable[[Any], _Held]) -> Iterator[None]:
    taken: list[_Held] = []
    try:
        for target in targets:
            with _lock:
                held = registry.get(id(target))
                if held is None:
                    # Known before it begins: a thread that meets our name in a config must find what it replaces.
                    held = registry[id(target)] = make(target)
                    held.begin()
                held.holders += 1
                taken.append(held)
        yield
    finally:
        for held in taken:
            with _lock:
                held.holders -= 1
                if not held.holders:
                    held.undo()
                    del registry[id(held.target)]


def _switched(config: PretrainedConfig) -> _Held:
    found = config._attn_implementation_internal

    # The inner attribute: the public property would also set every sub-config, and those are counted on their own.
    def name(implementation: str | None) -> None:
        config._attn_implementation_internal = implementation

    return _Held(config, begin=lambda: name(IMPLEMENTATION), undo=lambda: name(found), original=found)
