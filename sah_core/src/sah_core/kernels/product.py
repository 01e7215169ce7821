"""Products of blocks, with sums in float32."""

from __future__ import annotations

from .available import interpreted
from .language import device_function, tl

__all__ = ["product"]

INTERPRETED = tl.constexpr(interpreted())


@device_function
def product(a: tl.tensor, b: tl.tensor, total: tl.tensor) -> tl.tensor:
    """``total`` + a @ b for a (n, m) and b (m, w) of one dtype; float32 factors are not rounded on the way."""
    if INTERPRETED:
        # The interpreter multiplies the bits of bfloat16 as if they were integers.
        a = a.to(tl.float32)
        b = b.to(tl.float32)
    return tl.dot(a, b, total, input_precision="ieee")
