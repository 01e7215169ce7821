"""Modes: what a context (a thread, a task) wants of a model's attention, and the forward that is at work in it.

A mode is opened for the code inside a ``with`` block and seen by that code alone. Before each forward of a model, the
innermost mode that was opened for it decides how the forward's attention calls are answered.
"""

from __future__ import annotations

import inspect
from abc import ABC, abstractmethod
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack, contextmanager
from contextvars import ContextVar
from typing import Any, ClassVar, Protocol, TypeVar

from torch import nn

from .attention_call import AttentionCall, AttentionResult
from .compat import filled_columns
from .generating import generating
from .switch import attention_switched, configs_of, forwards_observed, generations_led

__all__ = ["DenseMode", "Forward", "Mode", "current_forward", "observe", "opened"]


class Forward(Protocol):
    """One forward of a model whose attention calls we answer."""

    def owns(self, part: object) -> bool:
        """Whether this module or config is part of the model whose forward it is."""

    def attend(self, call: AttentionCall) -> AttentionResult:
        """Answer one layer's attention call."""


class Mode(ABC):
    """What one context wants of one model.

    ``prompts_read`` counts the model's forwards that began with an empty cache, ``forwards`` those that came to their
    end, of the model or of whichever part of it was called; ``elsewhere`` the model's in other contexts that no mode
    was open for, meanwhile.
    """

    answers_attention: ClassVar[bool] = True
    """Whether attention calls must reach us at all while it is open."""

    def __init__(self, model: nn.Module) -> None:
        self.model = model
        self.prompts_read = 0
        self.forwards = 0
        self.elsewhere = 0
        self._entered: list[nn.Module] = []  # the module that was called, and the parts of it that are at work
        self._parts = frozenset(map(id, [*model.modules(), *configs_of(model)]))

    def owns(self, part: object) -> bool:
        """Whether this module or config is part of the model."""
        return id(part) in self._parts

    def enter_forward(self, module: nn.Module, given: Mapping[str, Any]) -> Forward | None:
        """How a forward of the model, or of a submodel, is answered: None leaves it to the model's implementation."""
        if module in self._entered:  # a forward that failed was never left
            del self._entered[self._entered.index(module) :]
        self._entered.append(module)
        if len(self._entered) == 1:
            self._begun()
        cache = given.get("past_key_values")
        filled = 0 if cache is None else filled_columns(module, given)
        if module is self.model and filled == 0:
            self.prompts_read += 1
        return self._forward(given, cache, filled)

    def leave_forward(self, module: nn.Module) -> None:
        """A forward of the model, or of a submodel, came to its end."""
        if self._entered and self._entered[0] is module:
            self._entered.clear()
            self.forwards += 1
            self._finished()

    def _begun(self) -> None:  # noqa: B027 - most modes count nothing more
        """Called before each forward that is counted in ``forwards`` when it ends."""

    def _finished(self) -> None:  # noqa: B027 - most modes count nothing more
        """Called after each forward that is counted in ``forwards``."""

    @abstractmethod
    def _forward(self, given: Mapping[str, Any], cache: Any, filled: int) -> Forward | None:
        """As above; ``given`` are the forward's arguments by name, ``filled`` how many columns the cache has."""

    def close(self) -> None:  # noqa: B027 - most modes have nothing to put back
        """Called when it ends, however that comes about."""


class DenseMode(Mode):
    """Every forward is the model's own."""

    answers_attention = False

    def _forward(self, given: Mapping[str, Any], cache: Any, filled: int) -> None:
        return None


_Mode = TypeVar("_Mode", bound=Mode)

_open_modes: ContextVar[tuple[Mode, ...]] = ContextVar("sah_open_modes", default=())
_open_anywhere: dict[int, Mode] = {}  # in any context
_forward_at_work: ContextVar[Forward | None] = ContextVar("sah_forward_at_work", default=None)


@contextmanager
def opened(mode: _Mode) -> Iterator[_Mode]:
    """Within it, and in this context only, the mode decides for its model; the model ends up as it was found."""
    with ExitStack() as held:
        held.enter_context(forwards_observed(mode.model, observe, observe_end))
        if mode.answers_attention:
            held.enter_context(attention_switched(mode.model))
            held.enter_context(generations_led(mode.model, lead_generation))
        held.callback(mode.close)
        before = _open_modes.set((*_open_modes.get(), mode))
        _open_anywhere[id(mode)] = mode
        try:
            yield mode
        finally:
            del _open_anywhere[id(mode)]
            _open_modes.reset(before)
            _forward_at_work.set(None)


def current_forward() -> Forward | None:
    """The forward at work in this context, or None where the model's own implementation is wanted."""
    return _forward_at_work.get()


def observe(module: nn.Module, args: tuple[Any, ...], keywords: dict[str, Any]) -> None:
    """Called before each forward of a model or submodel: let the innermost mode opened for it decide."""
    mode = _mode_of(module)
    if mode is None:
        for other in tuple(_open_anywhere.values()):
            other.elsewhere += other.model is module
    names = inspect.signature(module.forward).parameters if args else ()
    given = {**dict(zip(names, args, strict=False)), **keywords}
    _forward_at_work.set(None if mode is None else mode.enter_forward(module, given))


def observe_end(module: nn.Module, args: tuple[Any, ...], output: Any) -> None:
    """Called after each forward of a model or submodel that came to its end."""
    mode = _mode_of(module)
    if mode is not None:
        mode.leave_forward(module)


def lead_generation(model: nn.Module, generate: Callable[..., Any], args: tuple[Any, ...], keywords: Any) -> Any:
    """Called in place of a model's ``generate``: lets modes know what it was asked.

    In a thread that outlives the block in which its mode was opened, the answer is sparse to its end.
    """
    with ExitStack() as held:
        if _mode_of(model) is not None:
            held.enter_context(forwards_observed(model, observe, observe_end))
            held.enter_context(attention_switched(model))
        held.enter_context(generating(model, generate, args, keywords))
        return generate(*args, **keywords)


def _mode_of(module: nn.Module) -> Mode | None:
    """The innermost mode of this context that was opened for the module's model."""
    return next((mode for mode in reversed(_open_modes.get()) if mode.owns(module)), None)
