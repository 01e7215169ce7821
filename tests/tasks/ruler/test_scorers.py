"""RULER's scorers: any text scores from 0 to 1, and examples that a reader can check."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sah_bench.scoring.scorer import Scorer
from sah_bench.tasks.row import Row
from sah_tasks_ruler.scoring import ruler_all, ruler_part

any_text = st.text(max_size=20) | st.text("aAß\x00\x1f\t\n ıİ", max_size=20)


def row(*answers: str) -> Row:
    """A row with these right answers."""
    return Row("context", "question", answers, 8)


def both(prediction: str, answers: list[str]) -> tuple[float, float]:
    """All, and part."""
    return ruler_all(prediction, row(*answers)), ruler_part(prediction, row(*answers))


@given(any_text, st.lists(any_text, max_size=4))
def test_part_is_whether_all_is_anything(prediction: str, answers: list[str]) -> None:
    """Both are from 0 to 1; part is 1 where all is more than 0, and 0 else."""
    every, some = both(prediction, answers)
    assert type(every) is type(some) is float
    assert 0 <= every <= some <= 1
    assert some == (every > 0)


@given(any_text, st.lists(any_text, min_size=1, max_size=4))
def test_an_answer_more_is_a_share_more(prediction: str, answers: list[str]) -> None:
    """The share of all is the mean of the shares of each alone."""
    alone = [both(prediction, [answer])[0] for answer in answers]
    assert both(prediction, answers)[0] == pytest.approx(sum(alone) / len(alone))


@pytest.mark.parametrize("scorer", [ruler_all, ruler_part])
@given(st.lists(st.text("abcÄß東 .1", min_size=1, max_size=9), min_size=1, max_size=4), any_text)
def test_what_names_all_answers_scores_one(scorer: Scorer, answers: list[str], between: str) -> None:
    """Whatever stands between them, and whatever their case."""
    said = between.join(["x", *answers, "x"])
    assert scorer(said, row(*answers)) == scorer(said.upper(), row(*(answer.upper() for answer in answers))) == 1


@pytest.mark.parametrize(
    ("prediction", "answers", "every", "some"),
    [
        (" 1234567.", ["1234567"], 1, 1),
        ("1234567 and 7654321", ["1234567", "7654321", "1111111", "2222222"], 1 / 2, 1),
        ("12345678", ["2345678"], 1, 1),  # part of a word is enough
        ("1,234,567", ["1234567"], 0, 0),
        ("ABCDE BCDEF", ["ABCDE", "BCDEF", "CDEFG", "DEFGH", "EFGHI"], 2 / 5, 1),
        ("the Normans", ["THE NORMANS", "Norman"], 1, 1),
        ("france", ["in France", "France"], 1 / 2, 1),
        ("", ["a"], 0, 0),
        ("", [""], 1, 1),  # as Python has it, an empty text occurs everywhere
        ("a", [], 0, 0),  # nothing is right
        ("STRASSE", ["straße"], 0, 0),  # lower case, as RULER's, and no folding
        ("STRAßE", ["straße"], 1, 1),
        ("ΣΊΣΥΦΟΣ", ["σίσυφος"], 1, 1),
        ("cafe\u0301", ["café"], 0, 0),
        ("東京です", ["東京"], 1, 1),
        ("a\tb", ["a b"], 0, 0),
        ("a\tb", ["a\nb"], 1, 1),  # control characters are line breaks
        ("a\x00b\x1fc", ["a\nb\nc"], 1, 1),
        ("\x00 a \x1f", [" a"], 0, 0),  # and those around it are left out
        ("\x7fa", ["\x7fa"], 1, 1),
    ],
)
def test_scores_by_hand(prediction: str, answers: list[str], every: float, some: float) -> None:
    """All is the share of answers that occur in the prediction, part whether any does."""
    assert both(prediction, answers) == pytest.approx((every, some))


def test_part_is_nvidias() -> None:
    """One of two answers is right: lm_eval's port says 1/2 here, and NVIDIA's script 1."""
    assert ruler_part("Paris", row("Paris", "Lutetia")) == 1
