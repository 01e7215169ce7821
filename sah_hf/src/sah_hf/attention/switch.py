"""The shared switch: while anyone needs it, a model's configs name our attention and its forwards tell us their inputs.

Both belong to the model, which several threads and adapters may share, so they are counted: the first to come sets
them, the last to leave puts them back as they were found. Whether a call is sparse is decided elsewhere, per context.

A copy of a model that is held, or a child process, is held by nobody: what was set in it undoes itself.
"""

from __future__ import annotations

import inspect
import os
import threading
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from typing import Any

from attrs import define, field
from torch import nn
from torch.utils.hooks import RemovableHandle
from transformers import PretrainedConfig, PreTrainedModel

from .switched_name import IMPLEMENTATION, SwitchedName

__all__ = [
    "IMPLEMENTATION",
    "attention_switched",
    "configs_of",
    "forwards_observed",
    "generations_led",
    "original_implementation",
    "stay_switched",
]


@define
class _Held:
    target: Any  # kept alive, so that its id stays its own
    begin: Callable[[], None]
    undo: Callable[[], None]
    holders: set[_Holder] = field(factory=set)


@define(eq=False)
class _Holder:
    """Somebody who needs things held, in a thread."""

    thread: int = field(factory=threading.get_ident)


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


@define(eq=False)
class _Hook:
    """A hook of a module that is held; in a copy of the module, all that it does is to take itself out."""

    hooked: Callable[..., None]

    def __call__(self, module: nn.Module, *given: Any) -> None:
        held = _modules.get(id(module))
        if held is not None and held.target is module:
            self.hooked(module, *given)
            return
        for hooks in (module._forward_pre_hooks, module._forward_hooks):
            for number in [number for number, hook in hooks.items() if hook is self]:
                del hooks[number]
                module._forward_pre_hooks_with_kwargs.pop(number, None)


@define(eq=False)
class _Led:
    """A model's ``generate`` while it is held; in a copy of the model, the copy's own again."""

    model: Any
    own: Callable[..., Any] | None  # of the model object itself, where somebody gave it one
    lead: Callable[..., Any]

    @property
    def __signature__(self) -> inspect.Signature:
        return inspect.signature(self._generate)

    @property
    def _generate(self) -> Callable[..., Any]:
        return self.own or type(self.model).generate.__get__(self.model)

    def __call__(self, *args: Any, **keywords: Any) -> Any:
        held = _generators.get(id(self.model))
        if held is not None and held.target is self.model:
            return self.lead(self.model, self._generate, args, keywords)
        if vars(self.model).get("generate") is self:
            vars(self.model).pop("generate")
            if self.own is not None:
                vars(self.model)["generate"] = self.own
        return self._generate(*args, **keywords)


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
            handles.append(module.register_forward_pre_hook(_Hook(begins), with_kwargs=True))
            handles.append(module.register_forward_hook(_Hook(ends)))

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
        own = vars(module).get("generate")

        def undo() -> None:
            vars(module).pop("generate", None)
            if own is not None:
                vars(module)["generate"] = own

        return _Held(module, begin=lambda: vars(module).update(generate=_Led(module, own, lead)), undo=undo)

    with _held(_generators, [model] if callable(getattr(model, "generate", None)) else [], led):
        yield


def original_implementation(config: PretrainedConfig) -> str:
    """The attention implementation that this config names when nobody has switched it."""
    found: str | None = config._attn_implementation
    return (found.original if isinstance(found, SwitchedName) else found) or "eager"


def stay_switched(configs: Iterable[PretrainedConfig]) -> None:
    """Where somebody has set another implementation in a switched config meanwhile, that one becomes its original."""
    for config in configs:
        if id(config) in _configs and not isinstance(config._attn_implementation, SwitchedName):
            with _lock:
                if id(config) in _configs:
                    _switch(config)


@contextmanager
def _held(registry: dict[int, _Held], targets: Iterable[Any], make: Callable[[Any], _Held]) -> Iterator[None]:
    holder = _Holder()
    try:
        for target in targets:
            with _lock:
                held = registry.get(id(target))
                if held is None:
                    held = registry[id(target)] = make(target)
                # A holder before it begins: an interrupt between the two leaves nothing behind.
                held.holders.add(holder)
                if len(held.holders) == 1:
                    held.begin()
        yield
    finally:
        _let_go(registry, lambda each: each is holder)


def _let_go(registry: dict[int, _Held], gone: Callable[[_Holder], bool]) -> None:
    """Undo what nobody needs any more without these holders."""
    with _lock:
        for held in list(registry.values()):
            held.holders = {holder for holder in held.holders if not gone(holder)}
            if not held.holders:
                held.undo()
                del registry[id(held.target)]


def _switched(config: PretrainedConfig) -> _Held:
    def undo() -> None:
        if isinstance(config._attn_implementation, SwitchedName):
            config._attn_implementation_internal = config._attn_implementation.original

    return _Held(config, begin=lambda: _switch(config), undo=undo)


def _switch(config: PretrainedConfig) -> None:
    # The inner attribute: the public property would also set every sub-config, and those are counted on their own.
    config._attn_implementation_internal = SwitchedName(config._attn_implementation)


def _alone_in_child() -> None:
    """Of all threads only the one that forked goes on in the child process: the others hold nothing there."""
    _lock.release()
    alive = threading.get_ident()
    for registry in (_configs, _modules, _generators):
        _let_go(registry, lambda holder: holder.thread != alive)


if hasattr(os, "register_at_fork"):
    # Nobody is half-way through a change when a process forks.
    os.register_at_fork(before=_lock.acquire, after_in_parent=_lock.release, after_in_child=_alone_in_child)
