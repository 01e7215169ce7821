"""`untraced`: what a compiled model calls, and does not compile."""

from __future__ import annotations

from collections.abc import Callable
from typing import ParamSpec, TypeVar

import torch

__all__ = ["untraced"]

_P = ParamSpec("_P")
_R = TypeVar("_R")


def untraced(function: Callable[_P, _R]) -> Callable[_P, _R]:
    """The same function; a graph of torch.compile ends before it and goes on after it.

    What it does depends on the context that it is called in, which a graph made in another one would not know.
    """
    outside: Callable[_P, _R] = torch.compiler.disable(function)  # type: ignore[no-untyped-call]  # torch leaves it untyped
    return outside
