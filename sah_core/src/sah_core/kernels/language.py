"""Triton, as typed code may see it; imported only by what is imported only where Triton is there."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Protocol, TypeVar

import triton  # type: ignore[import-not-found, import-untyped, unused-ignore]  # no stubs; need not be installed
from triton import language as tl  # type: ignore[import-not-found, import-untyped, unused-ignore]  # the same

__all__ = ["Kernel", "device_function", "jit", "tl"]

_F = TypeVar("_F", bound=Callable[..., Any])


class Kernel(Protocol):
    """What a GPU runs: ``kernel[grid](arguments)`` starts one program for each point of the grid."""

    def __getitem__(self, grid: tuple[int, ...]) -> Callable[..., object]:
        """The launch of so many programs."""


def jit(*varying: str) -> Callable[[Callable[..., None]], Kernel]:
    """Makes a kernel; where only the arguments so named differ from another call's, it is not compiled anew."""
    make: Callable[[Callable[..., None]], Kernel] = triton.jit(do_not_specialize=list(varying))
    return make


device_function: Callable[[_F], _F] = triton.jit
"""Makes a function that kernels call."""
