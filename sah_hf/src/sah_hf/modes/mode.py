"""Modes: what a context (a thread, a task) wants of a model's attention, and the forward that is at work in it.

A mode is opened for the code inside a ``with`` block and seen by that code alone, and by threads and tasks that are
given a copy of its context. Before each forward of a model, the innermost mode that was opened for it decides how the
forward's attention calls are answered.
"""

from __future__ import annotations

import inspect
import threading
from abc import ABC, abstractmethod
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack, contextmanager
from contextvars import ContextVar
from typing import Any, ClassVar, Protocol, TypeVar
from weakref import ReferenceType, ref

import torch
from torch import nn

from sah_core import UsageError
from sah_hf.attention.attention_call import AttentionCall, AttentionResult
from sah_hf.attention.switch import attention_switched, configs_of, forwards_observed, generations_led, stay_switched
from sah_hf.attention.untraced import untraced
from sah_hf.compat import filled_columns
from sah_hf.errors import NotSparseError

from .generating import generating

__all__ = ["DenseMode", "Forward", "Mode", "current_forward", "forward_of", "observe", "opened"]


class Forward(Protocol):
    """One forward of a model whose attention calls we answer."""

    def owns(self, part: object) -> bool:
        """Whether this module or config is part of the model whose forward it is."""

    def attend(self, call: AttentionCall) -> AttentionResult:
        """Answer one layer's attention call."""


class _AtWork(threading.local):
    """How far the forward of a thread has come: threads may share a mode, and each runs a forward of its own."""

    def __init__(self) -> None:
        self.entered: list[nn.Module] = []  # the module that was called, and the parts of it that are at work
        self.wanted = False  # whether it is to be sparse
        self.reached: set[int] = set()  # layers that made a sparse call in it
        self.answer: Forward | None = None  # kept here, so that it ends with the mode


class Mode(ABC):
    """What one context wants of one model.

    ``prompts_read`` counts the model's forwards that began with an empty cache, ``forwards`` those that came to their
    end, of the model or of whichever part of it was called; ``elsewhere`` the model's in other contexts that no mode
    was open for, meanwhile.
    """

    answers_attention: ClassVar[bool] = True
    """Whether attention calls must reach us at all while it is open."""

    def __init__(self, model: nn.Module) -> None:
        self.model = getattr(model, "_orig_mod", model)  # what torch.compile(model) wraps: its forwards are the model's
        self.configs = configs_of(model)
        self.prompts_read = 0
        self.forwards = 0
        self.elsewhere = 0
        self.at_work = _AtWork()
        self._parts = frozenset(map(id, [*model.modules(), *self.configs]))

    def owns(self, part: object) -> bool:
        """Whether this module or config is part of the model."""
        return id(part) in self._parts

    def enter_forward(self, module: nn.Module, given: Mapping[str, Any]) -> Forward | None:
        """How a forward of the model, or of a submodel, is answered: None leaves it to the model's implementation."""
        entered = self.at_work.entered
        if module in entered:  # a forward that failed was never left
            del entered[entered.index(module) :]
        entered.append(module)
        if len(entered) == 1:
            self._begun()
        cache = given.get("past_key_values")
        filled = 0 if cache is None else filled_columns(module, given)
        if module is self.model and filled == 0:
            self.prompts_read += 1
        forward = self._forward(given, cache, filled)
        if forward is not None and torch.is_grad_enabled() and _computes_twice(self.model):
            raise UsageError(
                "gradient checkpointing computes layers again in the backward pass, where no forward says which of "
                "them are sparse: turn it off (model.gradient_checkpointing_disable()) to train in a sparse mode"
            )
        return forward

    def leave_forward(self, module: nn.Module) -> None:
        """A forward of the model, or of a submodel, came to its end."""
        entered = self.at_work.entered
        if entered and entered[0] is module:
            entered.clear()
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


class _Opening:
    """A mode while it is open, in the context where it was opened and in copies of that: it ends in all of them."""

    def __init__(self, mode: Mode) -> None:
        self.mode: Mode | None = mode
        self._users: set[object] = set()

    @contextmanager
    def used(self) -> Iterator[None]:
        """The mode ends with its last user, and is forgotten: a context may live on for long."""
        user = object()
        self._users.add(user)
        try:
            yield
        finally:
            self._users.discard(user)
            if not self._users:
                self.mode = None


_openings: ContextVar[tuple[_Opening, ...]] = ContextVar("sah_openings", default=())
_open_anywhere: dict[int, Mode] = {}  # in any context
_Seen = tuple[_Opening, ReferenceType[Forward] | None]
_forward_at_work: ContextVar[_Seen | None] = ContextVar("sah_forward_at_work", default=None)


@contextmanager
def opened(mode: _Mode) -> Iterator[_Mode]:
    """Within it, and in this context only, the mode decides for its model; the model ends up as it was found.

    Modes may end in any order. A generator that is suspended inside one leaves it open for its caller, whose context it
    shares, until the generator is closed.
    """
    opening = _Opening(mode)
    with ExitStack() as held:
        held.enter_context(forwards_observed(mode.model, observe, observe_end))
        if mode.answers_attention:
            held.enter_context(attention_switched(mode.model))
            held.enter_context(generations_led(mode.model, lead_generation))
        held.callback(mode.close)
        held.callback(_leave, opening)
        held.enter_context(opening.used())
        _open_anywhere[id(mode)] = mode
        held.callback(_open_anywhere.pop, id(mode))
        _openings.set((*_openings.get(), opening))
        yield mode


def _leave(left: _Opening) -> None:
    """Forget it in this context, also where modes end in another order than they began, and what ended elsewhere."""
    _openings.set(tuple(each for each in _openings.get() if each is not left and each.mode is not None))
    _forward_at_work.set(None)


def current_forward() -> Forward | None:
    """The forward at work in this context, or None where the model's own implementation is wanted."""
    seen = _forward_at_work.get()
    return None if seen is None or seen[1] is None else seen[1]()


def forward_of(module: nn.Module) -> Forward | None:
    """The forward at work that an attention call of this module belongs to, or None where it should be the model's own.

    Raises NotSparseError in a mode that has not seen the forward begin, and cannot tell what it should be.
    """
    opening = _opening_of(module)
    if opening is None or opening.mode is None or not opening.mode.answers_attention:
        return None
    seen = _forward_at_work.get()
    forward = None if seen is None or seen[1] is None else seen[1]()
    if seen is None or seen[0] is not opening or (forward is None and seen[1] is not None):
        raise NotSparseError(
            f"an attention layer ({type(module).__name__}) was called in a sparse mode, but no forward of its model: "
            "call the model, or the layer outside the mode"
        )
    return forward


@untraced
def observe(module: nn.Module, args: tuple[Any, ...], keywords: dict[str, Any]) -> None:
    """Called before each forward of a model or submodel: let the innermost mode opened for it decide."""
    opening = _opening_of(module)
    mode = None if opening is None else opening.mode
    if opening is None or mode is None:
        _forward_at_work.set(None)
        for other in tuple(_open_anywhere.values()):
            other.elsewhere += other.model is module
        return
    stay_switched(mode.configs)
    names = inspect.signature(module.forward).parameters if args else ()
    given = {**dict(zip(names, args, strict=False)), **keywords}
    forward = mode.at_work.answer = mode.enter_forward(module, given)
    _forward_at_work.set((opening, None if forward is None else ref(forward)))


@untraced
def observe_end(module: nn.Module, args: tuple[Any, ...], output: Any) -> None:
    """Called after each forward of a model or submodel that came to its end."""
    opening = _opening_of(module)
    if opening is not None and opening.mode is not None:
        opening.mode.leave_forward(module)


def lead_generation(model: nn.Module, generate: Callable[..., Any], args: tuple[Any, ...], keywords: Any) -> Any:
    """Called in place of a model's ``generate``: lets modes know what it was asked.

    In a thread that outlives the block in which its mode was opened, the answer is sparse to its end.
    """
    with ExitStack() as held:
        opening = _opening_of(model)
        if opening is not None:
            held.enter_context(opening.used())
            held.enter_context(forwards_observed(model, observe, observe_end))
            held.enter_context(attention_switched(model))
        held.enter_context(generating(model, generate, args, keywords))
        return generate(*args, **keywords)


def _computes_twice(model: nn.Module) -> bool:
    return model.training and any(getattr(part, "gradient_checkpointing", False) is True for part in model.modules())


def _opening_of(part: object) -> _Opening | None:
    """The innermost mode open in this context for the model that has this module or config."""
    for opening in reversed(_openings.get()):
        mode = opening.mode  # once: another thread may end it meanwhile
        if mode is not None and mode.owns(part):
            return opening
    return None
