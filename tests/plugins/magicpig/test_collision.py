"""The probability that two vectors collide: against simulation, 150 digits, and known densities."""

import math
from decimal import Decimal, localcontext

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch import Tensor

from sah_masker_magicpig.collision import collision_probability

SIZES = st.tuples(st.integers(1, 15), st.integers(2, 300))


def probability(cos: float, bits: int, tables: int, min_matches: int) -> float:
    return float(collision_probability(torch.tensor(cos, dtype=torch.float64), bits, tables, min_matches))


def exactly(cos: float, bits: int, tables: int, min_matches: int) -> float:
    """The binomial tail, in a hundred and fifty digits from 1 - theta / pi on."""
    with localcontext(prec=150):
        p = Decimal(1 - math.acos(cos) / math.pi) ** bits
        none, one = (1 - p) ** tables, tables * p * (1 - p) ** (tables - 1)
        return float(1 - none if min_matches == 1 else 1 - none - one)


def simulated_matches(cos: float, bits: int, tables: int, trials: int) -> Tensor:
    """In how many tables two plane vectors have equal sign bits, under fresh projections for each trial."""
    random = torch.Generator().manual_seed(bits * tables)
    w = torch.randn(2, trials, tables, bits, generator=random)
    first, second = w[0] > 0, w[0] * cos + w[1] * math.sqrt(1 - cos**2) > 0
    return (first == second).all(-1).sum(-1)


@pytest.mark.parametrize("min_matches", [1, 2])
@pytest.mark.parametrize(
    ("bits", "tables", "cos"),
    [(1, 2, -0.8), (1, 2, 0.3), (3, 12, -0.2), (3, 12, 0.5), (6, 40, 0.0), (6, 40, 0.4), (10, 150, 0.1), (8, 75, 0.6)],
)
def test_it_is_the_frequency_of_the_event(bits: int, tables: int, cos: float, min_matches: int) -> None:
    """Within 4 standard errors; the other rule's probability is more than 10 away."""
    trials = 3_000_000 // (bits * tables)
    frequency = float((simulated_matches(cos, bits, tables, trials) >= min_matches).double().mean())
    right, wrong = (probability(cos, bits, tables, n) for n in (min_matches, 3 - min_matches))
    error = math.sqrt(right * (1 - right) / trials)
    assert abs(frequency - right) < 4 * error
    assert abs(frequency - wrong) > 10 * error


@pytest.mark.parametrize("min_matches", [1, 2])
@pytest.mark.parametrize(("bits", "tables"), [(10, 150), (11, 300), (8, 75), (1, 2), (15, 1024)])
@pytest.mark.parametrize("cos", [-0.99999, -0.95, -0.6, -0.3, 0.0, 0.3, 0.6, 0.99, 0.999999])
def test_small_probabilities_keep_their_precision(cos: float, bits: int, tables: int, min_matches: int) -> None:
    """A relative error below 1e-7, also where the two terms of the formula agree in all their digits."""
    exact = exactly(cos, bits, tables, min_matches)
    assert abs(probability(cos, bits, tables, min_matches) / exact - 1) < 1e-7


@given(st.lists(st.floats(-1, 1), min_size=2, max_size=9), SIZES, st.sampled_from([1, 2]))
def test_it_grows_with_the_cosine(cosines: list[float], sizes: tuple[int, int], min_matches: int) -> None:
    """Monotone, within [0, 1]."""
    probs = collision_probability(torch.tensor(sorted(cosines), dtype=torch.float64), *sizes, min_matches)
    assert bool((probs.diff() >= -1e-7 * probs[1:]).all())
    assert bool(((probs >= 0) & (probs <= 1)).all())


@given(st.floats(-1, 1), SIZES)
def test_one_match_is_likelier_than_two(cos: float, sizes: tuple[int, int]) -> None:
    """And with two tables, both must match: p squared."""
    assert probability(cos, *sizes, 1) >= probability(cos, *sizes, 2)
    p = (1 - math.acos(cos) / math.pi) ** sizes[0]
    assert probability(cos, sizes[0], 2, 2) == pytest.approx(p**2, rel=1e-6, abs=1e-300)


@given(SIZES, st.sampled_from([1, 2]))
def test_vectors_of_one_direction_collide_and_opposite_ones_never(sizes: tuple[int, int], min_matches: int) -> None:
    """pi(1) = 1 and pi(-1) = 0, also where rounding took the cosine past them."""
    for beyond in (0.0, 1e-15):
        assert probability(1 + beyond, *sizes, min_matches) == 1
        assert probability(-1 - beyond, *sizes, min_matches) == 0


@pytest.mark.parametrize(
    ("bits", "tables", "density"), [(10, 150, 0.0097), (10, 170, 0.0123), (11, 300, 0.0097), (8, 75, 0.0351)]
)
def test_how_many_unrelated_keys_are_drawn(bits: int, tables: int, density: float) -> None:
    """At a right angle p = 2 ** -K, and about a hundredth of the keys collide twice."""
    assert probability(0.0, bits, tables, 2) == pytest.approx(density, abs=5e-5)
