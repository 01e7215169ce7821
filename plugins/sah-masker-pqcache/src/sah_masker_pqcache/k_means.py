"""Lloyd's algorithm."""

from __future__ import annotations

import torch
from torch import Tensor

__all__ = ["k_means", "nearest"]


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

    ``points`` (..., n, w), ``centroids`` (..., C, w), both float64. |x - c|^2 / 2 is compared as |c|^2 / 2 - <x, c>;
    distances that differ by less than the rounding of that count as equal, so that a point's answer does not depend on
    the points beside it.
    """
    halves = centroids.square().sum(-1).unsqueeze(-2) / 2  # (..., 1, C)
    distance = halves - points @ centroids.mT  # (..., n, C)
    rounding = 1e-14 * (halves.amax(-1, keepdim=True) + points.square().sum(-1, keepdim=True) / 2)
    return (distance <= distance.amin(-1, keepdim=True) + rounding).to(torch.uint8).argmax(-1)
