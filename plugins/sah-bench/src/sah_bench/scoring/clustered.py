"""A mean and its standard error, where values come in groups that are not independent."""

from __future__ import annotations

import math
from collections.abc import Iterable

from attrs import frozen

__all__ = ["Mean", "clustered_mean"]


@frozen
class Mean:
    """The mean of values, and how far it may be from that of others drawn the same way."""

    value: float
    standard_error: float | None
    """None where all values are of one group, which says nothing of another."""


def clustered_mean(values: Iterable[tuple[float, int]]) -> Mean | None:
    """The mean of values, each with the number of its group; None of no values.

    Questions about one context are not independent: a context may be hard for all of them. Contexts are. With n values
    x_i of mean m in G groups, and r_g the sum of x_i - m over group g, the standard error is the cluster-robust one::

        se = sqrt( G / (G - 1)  *  sum_g r_g^2 ) / n

    With one value in every group it is the usual s / sqrt(n), s with n - 1. With groups of one size it is unbiased (as
    a variance), however alike the values of a group are.
    """
    groups: dict[int, list[float]] = {}
    for value, group in values:
        groups.setdefault(group, []).append(value)
    if not groups:
        return None
    count = sum(map(len, groups.values()))
    mean = math.fsum(value for group in groups.values() for value in group) / count
    if len(groups) == 1:
        return Mean(mean, None)
    residuals = (math.fsum(value - mean for value in group) for group in groups.values())
    squares = math.fsum(residual**2 for residual in residuals)
    return Mean(mean, math.sqrt(len(groups) / (len(groups) - 1) * squares) / count)
