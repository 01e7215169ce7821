"""Whether a tensor is free of NaN and infinity."""

from __future__ import annotations

import math

from torch import Tensor

__all__ = ["all_finite"]


def all_finite(values: Tensor) -> bool:
    """Whether there is no NaN or infinity, in one pass and without a tensor of as many answers."""
    if values.numel() == 0:
        return True
    least, most = values.detach().aminmax()
    return math.isfinite(float(least)) and math.isfinite(float(most))
