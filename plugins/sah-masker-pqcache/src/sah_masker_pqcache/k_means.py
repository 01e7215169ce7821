"""Lloyd's algorithm."""

from __future__ import annotations

import torch
from torch import Tensor

from sah_core.compiled.available import compiles

__all__ = ["ROUNDING", "k_means", "nearest"]

FEW = 8
"""Points up to which a loop over the centroids beats a matrix product."""
ROUNDING = 1e-14
"""Of a distance, for each unit of |x|^2 / 2 and of the largest |c|^2 / 2."""


def k_means(points: Tensor, centroids: Tensor, iterations: int) -> Tensor:
    """Centroids (M, C, w) of points (M, n, w) for M independent parts, from the first ``centroids`` (M, C, w) on.

    Each iteration gives every point its nearest centroid and moves each centroid to the mean of its points, until no
    point changes, at most ``iterations`` times; the sum of squared distances never increases. A centroid without
    points stays where it is. Float64 in, float64 out.
    """
    number = torch.arange(centroids.shape[1], device=points.device)
    codes = None
    for _ in range(iterations):
        before, codes = codes, nearest(points, centroids)
        if before is not None and torch.equal(before, codes):
            break
        members = (codes.unsqueeze(1) == number.unsqueeze(-1)).to(points.dtype)  # (M, C, n)
        sizes = members.sum(-1, keepdim=True)  # (M, C, 1)
        centroids = torch.where(sizes > 0, members @ points / sizes.clamp(min=1), centroids)
    return centroids


def nearest(points: Tensor, centroids: Tensor) -> Tensor:
    """The number of each point's nearest centroid, int64 (..., n), the lowest of those equally near.

    ``points`` (..., n, w) float64, ``centroids`` (..., C, w) floating. |x - c|^2 / 2 is compared as |c|^2 / 2 - <x, c>,
    in float64; distances that differ by less than the rounding of that count as equal, so that a point's answer does
    not depend on the points beside it.
    """
    if points.shape[-2] <= FEW and compiles(centroids):
        return _by_loop(points, centroids)
    centroids = centroids.double()
    halves = centroids.square().sum(-1).unsqueeze(-2) / 2  # (..., 1, C)
    distance = halves - points @ centroids.mT  # (..., n, C)
    rounding = ROUNDING * (halves.amax(-1, keepdim=True) + points.square().sum(-1, keepdim=True) / 2)
    return (distance <= distance.amin(-1, keepdim=True) + rounding).to(torch.uint8).argmax(-1)


def _by_loop(points: Tensor, centroids: Tensor) -> Tensor:
    """`nearest` by a compiled loop."""
    from sah_core.compiled.memory import array
    from sah_core.compiled.over_rows import over_rows

    from .loops import find_nearest

    found = torch.empty(points.shape[:-1], dtype=torch.int64, device=points.device)
    by_part = (points.flatten(0, -3).contiguous(), centroids.flatten(0, -3).contiguous(), found.flatten(0, -2))
    x, c, places = map(array, by_part)
    over_rows(find_nearest, len(x), c.size, x, c, ROUNDING, places)
    return found
