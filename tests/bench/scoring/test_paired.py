"""The difference of two cells' scores, question by question."""

from __future__ import annotations

import pytest
from attrs import evolve
from hypothesis import given
from hypothesis import strategies as st

from sah_bench.scoring.score import Scores, paired_difference

CONTEXTS = (0, 0, 1, 1, 2, 2)


def scored(by_sample: dict[int, float]) -> Scores:
    return Scores("exact", "sah-bench", "0.1.0", by_sample, CONTEXTS)


some_scores = st.dictionaries(st.integers(0, 5), st.floats(0, 1)).map(scored)


@given(some_scores, some_scores)
def test_the_other_way_round_is_the_negative(one: Scores, other: Scores) -> None:
    """Which of two cells is subtracted changes the sign, and nothing else."""
    difference, negative = paired_difference(one, other), paired_difference(other, one)
    if difference is None or negative is None:
        assert difference is negative is None
        assert not set(one.by_sample) & set(other.by_sample)
    else:
        assert negative[0] == pytest.approx(-difference[0], abs=1e-12)
        assert negative[1] == pytest.approx(difference[1], abs=1e-9)


@given(some_scores)
def test_a_cell_differs_from_nothing_by_itself(scores: Scores) -> None:
    """Against zeros the difference and its error are the cell's own mean and error."""
    zeros = scored(dict.fromkeys(range(6), 0.0))
    found = paired_difference(scores, zeros) or (None, None)
    assert found == (scores.mean, scores.standard_error)


def test_what_is_the_same_for_every_question_is_sure() -> None:
    """A method that loses .5 on every question loses .5 for certain, however widely the questions' scores spread."""
    dense = scored(dict(enumerate([1, 1, 1, 0.5, 0.5, 0.5])))
    assert paired_difference(scored(dict(enumerate([0.5, 0.5, 0.5, 0, 0, 0]))), dense) == (-0.5, 0.0)
    assert dense.standard_error is not None
    assert dense.standard_error > 0.1


def test_a_difference_by_hand() -> None:
    """Samples 0, 1 and 3 are in both: 0 - 1, 1 - 1 and 1 - 0 have mean 0, residuals -1 | 1, error 2/3."""
    one, other = scored({0: 0, 1: 1, 3: 1, 4: 1}), scored({0: 1, 1: 1, 2: 1, 3: 0})
    difference, error = paired_difference(one, other) or (None, None)
    assert difference == 0
    assert error == pytest.approx(2 / 3)  # the root of 2/1 * 2, over 3


def test_one_context_in_common_has_no_error() -> None:
    """The difference is known, and how far it may be off is not."""
    assert paired_difference(scored({0: 1, 1: 0}), scored({0: 0, 1: 0, 4: 1})) == (0.5, None)


def test_cells_of_other_tables_are_not_compared() -> None:
    """Samples of the same number are other questions there."""
    one = scored({0: 1.0})
    assert paired_difference(one, evolve(one, context_of=(0, 1, 2, 3, 4, 5))) is None
