"""What loops need and Python has no word for: numbers in 16 bits, and asking for memory ahead of its use."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
from llvmlite import ir  # type: ignore[import-untyped]  # it has no types
from numba import types
from numba.extending import intrinsic, overload

__all__ = ["LINE", "prefetch", "real"]

LINE = 64
"""Bytes that the processor fetches at once."""


def real(number: Any) -> Any:
    """A number as float32; uint16 are the bits of a bfloat16."""
    return _widened(number) if isinstance(number, np.uint16) else _as_it_is(number)


def _widened(number: Any) -> Any:
    return np.uint32(np.uint32(number) << np.uint32(16)).view(np.float32)


def _as_it_is(number: Any) -> Any:
    return np.float32(number)


@overload(real, inline="always")
def _real(number: Any) -> Callable[[Any], Any]:
    return _widened if number == types.uint16 else _as_it_is


def _prefetch(_typing: Any, memory: Any, place: Any) -> Any:
    """Begin to fetch the memory of an array's entry, without waiting for it. For loops only."""

    def generate(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        held = context.make_array(signature.args[0])(context, builder, arguments[0])
        entry = builder.gep(held.data, [arguments[1]])
        pointer = builder.bitcast(entry, ir.IntType(8).as_pointer())
        word = ir.IntType(32)
        kind = ir.FunctionType(ir.VoidType(), [pointer.type, word, word, word])
        function = builder.module.declare_intrinsic("llvm.prefetch", [pointer.type], kind)
        builder.call(function, [pointer, word(0), word(3), word(1)])  # to read, to keep, data
        return context.get_dummy_value()

    return types.void(memory, types.intp), generate


prefetch: Any = intrinsic(_prefetch)
