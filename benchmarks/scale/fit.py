"""Fit speeds to times: each time is a sum of amounts, each done at a speed of its own."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import combinations

import torch

__all__ = ["rates"]


def rates(amounts: Sequence[Sequence[float]], seconds: Sequence[float]) -> tuple[float, ...]:
    """Seconds a unit of each amount, none below zero, by least squares of the relative errors.

    ``amounts``: for each time, how much of each there was, all above zero. The best rates solve the problem without the
    bound for some of the amounts, and are zero for the others; as there are few, every choice of them is tried.
    Raises ValueError for fewer times than amounts.
    """
    count = len(amounts[0])
    if len(amounts) < count:
        raise ValueError(f"at least {count} times are expected to fit as many rates, not {len(amounts)}")
    rows = torch.tensor(amounts, dtype=torch.float64) / torch.tensor(seconds, dtype=torch.float64).unsqueeze(-1)
    scale = rows.amax(0)
    rows, ones = rows / scale, torch.ones(len(amounts), 1, dtype=torch.float64)
    best, least = torch.zeros(count, dtype=torch.float64), float("inf")
    for size in range(count, 0, -1):
        for chosen in map(list, combinations(range(count), size)):
            found = torch.linalg.lstsq(rows[:, chosen], ones, driver="gelsd").solution
            error = float((rows[:, chosen] @ found - ones).square().sum())
            if bool((found >= 0).all()) and error < least:
                best, least = torch.zeros(count, dtype=torch.float64), error
                best[chosen] = found[:, 0]
    return tuple((best / scale).tolist())
