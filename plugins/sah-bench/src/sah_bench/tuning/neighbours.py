"""`neighbour`: a config near another one, with a few of its values changed."""

from __future__ import annotations

import math
import random
from collections.abc import Mapping
from typing import TYPE_CHECKING

from .result import Value

if TYPE_CHECKING:
    from optuna.distributions import BaseDistribution

__all__ = ["neighbour"]

CHANGED = (1, 2, 3)
"""How many values are changed; each number is as likely."""
STEP = 0.15
"""The standard deviation of a change, as a share of its range, or of its range's logarithm."""


def neighbour(
    values: Mapping[str, Value], distributions: Mapping[str, BaseDistribution], seed: int
) -> dict[str, Value]:
    """These values, some of them changed: a number by a normal step, a choice to any other one.

    The same seed gives the same neighbour; every value is in its distribution.
    """
    draw = random.Random(seed)
    names = [name for name in distributions if not distributions[name].single()]
    changed = draw.sample(names, min(draw.choice(CHANGED), len(names)))
    return {
        name: _other(value, distributions[name], draw) if name in changed else value for name, value in values.items()
    }


def _other(value: Value, distribution: BaseDistribution, draw: random.Random) -> Value:
    from optuna.distributions import CategoricalDistribution, FloatDistribution, IntDistribution

    if isinstance(distribution, CategoricalDistribution):
        return draw.choice([choice for choice in distribution.choices if choice is not None and choice != value])
    if not isinstance(distribution, FloatDistribution | IntDistribution):
        raise TypeError(f"a number or a choice was expected, not {distribution!r}")
    low, high, at = float(distribution.low), float(distribution.high), float(value)
    if distribution.log:
        moved = at * math.exp(draw.gauss(0, STEP) * math.log(high / low))
    else:
        moved = at + draw.gauss(0, STEP) * (high - low)
    if isinstance(distribution, FloatDistribution):
        return min(max(moved, low), high)
    if round(moved) == value:  # a step of less than one is a step of one
        moved = at + math.copysign(1, moved - at)
    return min(max(round(moved), distribution.low), distribution.high)
