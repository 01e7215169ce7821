"""What a study found, on its way through a file, and what it says of itself."""

from __future__ import annotations

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sah_bench.tuning.result import (
    Confirmed,
    Figures,
    MethodResult,
    ParameterRange,
    TrialResult,
    TuningResult,
)

NUMBERS = st.floats(allow_nan=False, allow_infinity=False)
VALUES = st.booleans() | st.integers(-(2**60), 2**60) | NUMBERS | st.text()
FIGURES = st.builds(
    Figures,
    samples=st.integers(0, 1000),
    score=NUMBERS,
    stderr=st.none() | NUMBERS,
    density=st.none() | NUMBERS,
    seconds=NUMBERS,
    megabytes=NUMBERS,
)
RANGES = st.builds(
    ParameterRange,
    name=st.text(),
    start=VALUES,
    low=st.none() | NUMBERS,
    high=st.none() | NUMBERS,
    log=st.booleans(),
    choices=st.none() | st.lists(VALUES, max_size=3).map(tuple),
)
TRIALS = st.builds(
    TrialResult,
    number=st.integers(0, 1000),
    values=st.dictionaries(st.text(), VALUES, max_size=3),
    state=st.sampled_from(["complete", "pruned", "failed"]),
    figures=st.none() | FIGURES,
    why=st.none() | st.text(),
)
METHODS = st.builds(
    MethodResult,
    name=st.text(),
    parameters=st.lists(RANGES, max_size=3).map(tuple),
    trials=st.lists(TRIALS, max_size=3).map(tuple),
    front=st.lists(st.integers(0, 1000), max_size=3).map(tuple),
    best=st.none() | st.integers(0, 1000),
    importance=st.dictionaries(
        st.sampled_from(["score", "cost"]), st.dictionaries(st.text(), NUMBERS, max_size=3), max_size=2
    ),
    confirmed=st.none()
    | st.builds(Confirmed, start=FIGURES, tuned=FIGURES, difference=NUMBERS, stderr=st.none() | NUMBERS),
    config=st.none() | st.text(),
    problem=st.none() | st.text(),
)
RESULTS = st.builds(
    TuningResult,
    name=st.text(),
    model=st.text(),
    asked=st.text(),
    of=st.sampled_from(["density", "seconds", "megabytes"]),
    budget=NUMBERS,
    methods=st.lists(METHODS, max_size=2).map(tuple),
    dense=st.none() | FIGURES,
)


@given(RESULTS)
def test_it_comes_back_from_a_file(result: TuningResult) -> None:
    """Read again from JSON, a result is what it was."""
    assert TuningResult.from_dict(json.loads(json.dumps(result.to_dict(), allow_nan=False))) == result


def test_cost() -> None:
    """The budget's quantity is one of three, and a density that nobody knows counts as dense."""
    figures = Figures(samples=4, score=0.5, stderr=None, density=None, seconds=0.25, megabytes=3.0)
    assert (figures.cost("density"), figures.cost("seconds"), figures.cost("megabytes")) == (1.0, 0.25, 3.0)


def test_trials_by_number() -> None:
    """A trial is found by its number, wherever it stands; a number that none has is an error."""
    trials = tuple(TrialResult(number, {"quest.budget": number}, "complete", None) for number in (3, 1))
    method = MethodResult("quest", (), trials, (), None)
    assert method.trial(1) is trials[1]
    with pytest.raises(StopIteration):
        method.trial(2)
