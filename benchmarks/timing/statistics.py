"""The middle of several numbers and how far they spread."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from statistics import median

import attrs

__all__ = ["Spread", "fastest", "quantile", "ratio"]

LOW, HIGH = 0.05, 0.95


@attrs.frozen
class Spread:
    """A middle value, and the range that holds nine of ten of the others: from the 5th to the 95th percentile."""

    median: float
    low: float
    high: float

    @classmethod
    def of(cls, values: Sequence[float]) -> Spread:
        """Of at least one number."""
        return cls(median(values), quantile(values, LOW), quantile(values, HIGH))

    def times(self, factor: float) -> Spread:
        """The same in another unit."""
        return Spread(self.median * factor, self.low * factor, self.high * factor)


def quantile(values: Sequence[float], share: float) -> float:
    """The number below which a share of the values lies, on the straight line between neighbours."""
    ordered = sorted(values)
    place = share * (len(ordered) - 1)
    below = int(place)
    above = min(below + 1, len(ordered) - 1)
    return ordered[below] + (ordered[above] - ordered[below]) * (place - below)


def ratio(slower: Sequence[float], faster: Sequence[float]) -> Spread:
    """How many times as long the first takes as the second: the ratio of medians, and the spread of rounds' ratios."""
    each = [one / two for one, two in zip(slower, faster, strict=True)]
    return Spread(median(slower) / median(faster), quantile(each, LOW), quantile(each, HIGH))


def fastest(seconds: Mapping[str, Sequence[float]], names: Sequence[str]) -> str:
    """Which of the names has the smallest median."""
    return min(names, key=lambda name: median(seconds[name]))
