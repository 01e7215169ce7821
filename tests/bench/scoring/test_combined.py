"""Scores of several parts: their shares stand for the geometric mean of means in every mean, error and difference."""

from __future__ import annotations

import math
import random
import statistics

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sah_bench.scoring.clustered import clustered_mean
from sah_bench.scoring.combined import shares

values = st.floats(0, 1)
tables = st.integers(1, 3).flatmap(
    lambda parts: st.lists(st.tuples(*[values] * parts), min_size=1, max_size=8).map(lambda rows: dict(enumerate(rows)))
)


@given(tables)
def test_the_mean_of_shares_is_the_geometric_mean_of_means(parts: dict[int, tuple[float, ...]]) -> None:
    """Of all samples, whatever their parts; and a share is never negative."""
    found = shares(parts)
    means = [statistics.fmean(column) for column in zip(*parts.values(), strict=True)]
    assert found.keys() == parts.keys()
    assert min(found.values()) >= 0
    assert statistics.fmean(found.values()) == pytest.approx(math.prod(means) ** (1 / len(means)), abs=1e-12)


@given(st.dictionaries(st.integers(0, 9), values.map(lambda value: (value,)), max_size=6))
def test_one_part_is_itself(parts: dict[int, tuple[float, ...]]) -> None:
    """To the last bit; and nothing is nothing."""
    assert shares(parts) == {sample: value for sample, (value,) in parts.items()}


def test_shares_by_hand() -> None:
    """Parts (1, .25) and (0, .75): means .5 and .5, g = .5; shares .25 (2 + .5) and .25 (0 + 1.5)."""
    assert shares({0: (1.0, 0.25), 1: (0.0, 0.75)}) == {0: pytest.approx(0.625), 1: pytest.approx(0.375)}
    assert shares({0: (1.0, 0.0), 1: (0.5, 0.0)}) == {0: 0.0, 1: 0.0}


def test_the_error_of_shares_is_that_of_the_score() -> None:
    """Over 400 sets of 100 samples, the standard error that shares give is the score's spread, to 10 percent."""
    draw = random.Random(0)
    scores, errors = [], []
    for _ in range(400):
        skill = [draw.random() for _ in range(100)]
        found = shares({n: (each, each**2, 0.2 + 0.5 * draw.random()) for n, each in enumerate(skill)})
        mean = clustered_mean((share, n) for n, share in found.items())
        assert mean is not None
        assert mean.standard_error is not None
        scores.append(mean.value)
        errors.append(mean.standard_error)
    assert statistics.fmean(errors) == pytest.approx(statistics.stdev(scores), rel=0.1)
