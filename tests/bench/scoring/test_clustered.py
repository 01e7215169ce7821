"""The standard error of a mean of values that come in groups."""

from __future__ import annotations

import math
import random
from statistics import fmean, stdev, variance

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sah_bench.scoring.clustered import Mean, clustered_mean

scores = st.floats(0, 1)
grouped = st.lists(st.tuples(scores, st.integers(0, 4)), min_size=1, max_size=20)


def standard_error(values: list[tuple[float, int]]) -> float | None:
    found = clustered_mean(values)
    assert found is not None
    return found.standard_error


@given(st.lists(scores, min_size=2, max_size=30))
def test_one_value_a_group_is_the_usual_error(values: list[float]) -> None:
    """Where all are independent, it is the sample's standard deviation (n - 1) over the root of n."""
    found = clustered_mean((value, number) for number, value in enumerate(values))
    assert found is not None
    assert found.value == pytest.approx(fmean(values), abs=1e-12)
    assert found.standard_error == pytest.approx(stdev(values) / math.sqrt(len(values)), abs=1e-9)


@given(grouped, st.integers(2, 5))
def test_repeating_values_within_groups_shrinks_nothing(values: list[tuple[float, int]], times: int) -> None:
    """The same questions asked again tell nothing new, and the error does not get smaller."""
    once, often = clustered_mean(values), clustered_mean(values * times)
    assert once is not None
    assert often is not None
    assert often.value == pytest.approx(once.value, abs=1e-12)
    assert often.standard_error == pytest.approx(once.standard_error, abs=1e-9)


@given(grouped, st.randoms(use_true_random=False))
def test_neither_order_nor_numbering_counts(values: list[tuple[float, int]], order: random.Random) -> None:
    """Groups are told apart by their numbers, whatever these are."""
    moved = [(value, 7 - 3 * group) for value, group in values]
    order.shuffle(moved)
    one, other = clustered_mean(values), clustered_mean(moved)
    assert one is not None
    assert other is not None
    assert other.value == pytest.approx(one.value, abs=1e-12)
    assert other.standard_error == pytest.approx(one.standard_error, abs=1e-9)


@given(st.lists(scores, min_size=1))
def test_one_group_has_no_error(values: list[float]) -> None:
    """One context says nothing of what another would give."""
    assert standard_error([(value, 3) for value in values]) is None


def test_no_values_have_no_mean() -> None:
    """Nothing answered is nothing known."""
    assert clustered_mean([]) is None


def test_an_example_by_hand() -> None:
    """1 1 0 | 0: mean 1/2, sums of residuals 1/2 and -1/2, so the error is the root of 2/1 * 1/2 over 4: 1/4."""
    assert clustered_mean([(1, 0), (1, 0), (0, 0), (0, 1)]) == Mean(0.5, 0.25)


@pytest.mark.parametrize("alike", [0.0, 0.5, 1.0])
def test_the_squared_error_is_the_variance_of_the_mean(alike: float) -> None:
    """Over 4000 draws of 8 contexts of 6 questions each, its mean is the variance of the means, within 4 errors.

    A question is right with probability .3; with probability ``alike`` it takes its context's outcome, else its own.
    """
    draws = random.Random(5)

    def right() -> float:
        return float(draws.random() < 0.3)

    means, squares = [], []
    for _ in range(4000):
        values = []
        for group in range(8):
            shared = right()
            values += [(shared if draws.random() < alike else right(), group) for _ in range(6)]
        found = clustered_mean(values)
        assert found is not None
        assert found.standard_error is not None
        means.append(found.value)
        squares.append(found.standard_error**2)
    exact = 0.21 * (1 + 5 * alike**2) / 48  # two questions of a context correlate by alike squared
    assert fmean(squares) == pytest.approx(exact, abs=4 * stdev(squares) / math.sqrt(len(squares)))
    assert variance(means) == pytest.approx(exact, rel=4 * math.sqrt(2.5 / len(means)))
