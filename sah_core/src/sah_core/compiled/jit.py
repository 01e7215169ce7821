"""How loops are compiled."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import TypeVar, cast

import numba

__all__ = ["jit"]

Loop = TypeVar("Loop", bound=Callable[..., object])

REORDER = {"reassoc", "contract", "nsz", "arcp"}
"""Sums may be taken in several lanes, which changes their last bits; NaN and infinity keep their meaning."""


def jit(loop: Loop) -> Loop:
    """A loop over arrays, compiled when it is first called, and kept on disk where that can be written to.

    It runs without the interpreter's lock, and leaves out the checks of indices: callers give it none that are wrong.
    What is kept goes by the loop's own file: after a change to a function that it calls from another file, delete
    ``__pycache__``. Division by 0 gives infinity or NaN.
    """
    compiled = partial(numba.njit, nogil=True, fastmath=REORDER, boundscheck=False, error_model="numpy")
    try:
        return cast(Loop, compiled(cache=True)(loop))
    except RuntimeError:  # neither the folder of the source nor the user's own can be written to
        return cast(Loop, compiled()(loop))
