"""Lloyd's algorithm as PQCache uses it."""

from itertools import pairwise

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch import Tensor

from sah_masker_pqcache.k_means import FEW, k_means, nearest

pytestmark = pytest.mark.usefixtures("reader")
SEEDS = st.integers(0, 2**16)


def normal(*shape: int, seed: int) -> Tensor:
    return torch.randn(shape, generator=torch.Generator().manual_seed(seed), dtype=torch.float64)


def squared_distances(points: Tensor, centroids: Tensor) -> Tensor:
    """By differences, (..., n, C)."""
    return (points.unsqueeze(-2) - centroids.unsqueeze(-3)).square().sum(-1)


def column(*values: float) -> Tensor:
    """One part of one channel."""
    return torch.tensor(values, dtype=torch.float64).reshape(1, -1, 1)


@given(st.integers(1, 30), st.integers(1, 8), st.integers(1, 4), SEEDS)
def test_nearest_is_nearest(n: int, c: int, w: int, seed: int) -> None:
    """No centroid is nearer to a point than the one it is given."""
    points, centroids = normal(2, n, w, seed=seed), normal(2, c, w, seed=seed + 1)
    distances = squared_distances(points, centroids)
    chosen = nearest(points, centroids).unsqueeze(-1)
    torch.testing.assert_close(distances.gather(-1, chosen), distances.amin(-1, keepdim=True), rtol=0, atol=1e-12)


@given(st.integers(1, 30), st.integers(1, 8), st.integers(1, 40), SEEDS)
def test_of_equal_centroids_the_lowest(n: int, c: int, w: int, seed: int) -> None:
    """A second copy of every centroid is never chosen, whatever the rounding."""
    points, centroids = normal(2, n, w, seed=seed), normal(2, c, w, seed=seed + 1) / 3
    assert bool((nearest(points, torch.cat([centroids, centroids], 1)) < c).all())


@given(
    st.integers(0, FEW + 1),
    st.integers(1, 8),
    st.integers(1, 40),
    st.sampled_from([torch.float32, torch.bfloat16]),
    st.sampled_from([None, torch.nan, torch.inf, -torch.inf]),
    SEEDS,
    st.booleans(),
)
def test_centroids_may_be_kept_in_less_precision(
    n: int, c: int, w: int, dtype: torch.dtype, broken: float | None, seed: int, ties: bool
) -> None:
    """Points' answers are those of the same centroids in float64, with ties; of a point that is no number the first."""
    points, centroids = normal(2, 3, n, w, seed=seed), normal(2, 3, c, w, seed=seed + 1).to(dtype)
    points, centroids = (points.round(), centroids.round()) if ties else (points, centroids)
    if broken is not None:
        points[:, :, : n // 2, w // 2] = broken
    found = nearest(points, centroids)
    assert torch.equal(found, nearest(points, centroids.double()))
    assert broken is None or not found[:, :, : n // 2].any()


@given(st.integers(1, 40), st.integers(1, 8), SEEDS, st.booleans())
def test_the_objective_never_increases(n: int, c: int, seed: int, ties: bool) -> None:
    """With each further iteration the sum of squared distances to the nearest centroid stays or falls."""
    points = normal(2, n, 3, seed=seed)
    points = points.round() if ties else points
    first = points[:, torch.arange(c) % n]
    costs = [
        float(squared_distances(points, k_means(points, first, iterations)).amin(-1).sum()) for iterations in range(8)
    ]
    assert all(after <= before + 1e-9 for before, after in pairwise(costs))


@given(st.integers(1, 40), st.integers(1, 8), SEEDS)
def test_once_no_point_changes_nothing_does(n: int, c: int, seed: int) -> None:
    """Left alone it converges: another hundred iterations give the same centroids."""
    points = normal(2, n, 2, seed=seed)
    done = k_means(points, points[:, torch.arange(c) % n], 200)
    torch.testing.assert_close(k_means(points, done, 100), done, rtol=0, atol=1e-12)


def test_by_hand() -> None:
    """0 1 2 | 9 from centroids 0 and 2: first {0, 1} {2, 9}, then {0, 1, 2} {9}; the ties 1 goes to the lower."""
    points, first = column(0, 1, 2, 9), column(0, 2)
    assert k_means(points, first, 1).flatten().tolist() == [0.5, 5.5]
    assert k_means(points, first, 2).flatten().tolist() == [1.0, 9.0]
    assert k_means(points, first, 9).flatten().tolist() == [1.0, 9.0]


def test_a_centroid_without_points_stays() -> None:
    """Of 0 0 0 4 the first three start three centroids: the lowest takes them all, the others keep their place."""
    assert k_means(column(0, 0, 0, 4), column(0, 0, 0), 1).flatten().tolist() == [1.0, 0.0, 0.0]
    assert k_means(column(0, 0, 0, 4), column(0, 0, 0), 9).flatten().tolist() == [4.0, 0.0, 0.0]


def test_parts_are_clustered_by_themselves() -> None:
    """Two parts together give what each gives alone, also where one needs more iterations."""
    parts = normal(2, 30, 3, seed=1)
    together = k_means(parts, parts[:, :4], 20)
    alone = [k_means(parts[m : m + 1], parts[m : m + 1, :4], 20)[0] for m in range(2)]
    torch.testing.assert_close(together, torch.stack(alone), rtol=0, atol=1e-12)
