"""The scorers: any text scores from 0 to 1, a right answer scores 1, and examples that a reader can check."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sah_bench.scoring.scorer import Scorer
from sah_bench.scoring.scorers import contains, exact, f1
from sah_bench.tasks.row import Row
from sah_core.plugins import default_registry

SCORERS = [exact, f1, contains]
any_text = st.text(max_size=20) | st.text("aA the.,'ßé\u0301 \n\u3000", max_size=20)
"""All of Unicode, half characters too; and texts in which articles, accents and spaces meet."""


def row(*answers: str) -> Row:
    """A row with these right answers."""
    return Row("context", "question", answers, 8)


@pytest.mark.parametrize("scorer", SCORERS)
@given(any_text, st.lists(any_text, max_size=3))
def test_any_text_has_a_score(scorer: Scorer, prediction: str, answers: list[str]) -> None:
    """Every prediction scores a float from 0 to 1 against any answers, even none."""
    score = scorer(prediction, row(*answers))
    assert type(score) is float
    assert 0 <= score <= 1


@pytest.mark.parametrize("scorer", SCORERS)
@given(any_text, st.lists(any_text, max_size=3), st.integers(0, 3), st.sampled_from(["", " ", "\n\t"]))
def test_a_right_answer_scores_one(scorer: Scorer, answer: str, others: list[str], place: int, around: str) -> None:
    """Wherever it stands among the answers, and with white space around it."""
    answers = [*others[:place], answer, *others[place:]]
    assert scorer(around + answer + around, row(*answers)) == 1


@pytest.mark.parametrize("scorer", SCORERS)
@given(any_text, any_text, any_text)
def test_more_right_answers_never_score_less(scorer: Scorer, prediction: str, one: str, other: str) -> None:
    """The score against several answers is that against the best of them."""
    assert scorer(prediction, row(one, other)) == max(scorer(prediction, row(one)), scorer(prediction, row(other)))


@given(any_text, any_text)
def test_stricter_scorers_score_less(prediction: str, answer: str) -> None:
    """What is right to the letter is contained, and has all its words."""
    right = row(answer)
    assert exact(prediction, right) <= min(contains(prediction, right), f1(prediction, right))


@given(any_text, any_text)
def test_f1_is_the_same_both_ways(one: str, other: str) -> None:
    """Which of the two is the answer makes no difference."""
    assert f1(one, row(other)) == f1(other, row(one))


@pytest.mark.parametrize(
    ("scorer", "prediction", "answers", "score"),
    [
        (exact, " six twelve eight\n", ["six twelve eight"], 1),
        (exact, "six  twelve eight", ["six twelve eight"], 0),
        (exact, "Six", ["six"], 0),
        (exact, "six.", ["six"], 0),
        (exact, "", ["six"], 0),
        (exact, "two", ["one", "two"], 1),
        (f1, "The cat sat.", ["a cat sat"], 1),
        (f1, "the black cat", ["cat"], 2 / 3),  # 1 word in common, of 2 and 1
        (f1, "cat cat dog", ["cat cat cat bird"], 4 / 7),  # 2 in common, of 3 and 4
        (f1, "four thirteen", ["six", "four"], 2 / 3),
        (f1, "", ["cat"], 0),
        (f1, "dog", ["cat"], 0),
        (f1, "don't", ["dont"], 1),
        (f1, "«ΣΊΣΥΦΟΣ»!", ["σίσυφος"], 1),
        (f1, "STRASSE", ["Straße"], 1),
        (f1, "cafe\u0301", ["CAFÉ"], 1),
        (f1, "Москва́, столица", ["столица"], 2 / 3),
        (f1, "A", ["A", "B"], 1),  # a choice between letters
        (f1, "the", ["A"], 0),
        (f1, "...", ["?"], 0),
        (f1, "", ["?"], 0),
        (contains, "It is\n  New   York, I think", ["new york"], 1),
        (contains, "New  York", ["York New"], 0),
        (contains, "the answer is 12", ["13", "12"], 1),
        (contains, "512", ["12"], 1),
        (contains, "", ["12"], 0),
        (contains, "anything", [""], 0),
        (contains, "GROSSE FREIHEIT", ["große\u00a0freiheit"], 1),
        (contains, "東京です", ["東京"], 1),
    ],
)
def test_scores_by_hand(scorer: Scorer, prediction: str, answers: list[str], score: float) -> None:
    """What the docstrings say, on texts short enough to check."""
    assert scorer(prediction, row(*answers)) == pytest.approx(score, abs=1e-15)


def test_the_names_are_those_of_the_config() -> None:
    """`exact`, `f1` and `contains` are offered by this package, each with a description."""
    scorers = default_registry().scorers
    for scorer in SCORERS:
        assert scorers.load(scorer.__name__) is scorer
        assert scorers.record(scorer.__name__).distribution == "sah-bench"
        assert scorers.find(scorer.__name__).description
