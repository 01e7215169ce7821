r"""Boxed answers: the last box decides, what is written around a number does not, and no other number is an answer."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sah_bench.tasks.row import Row
from sah_core.plugins import default_registry
from sah_tasks_longcontext.scoring.boxed import boxed_answer, whole_number

numbers = st.integers(0, 999)
prose = st.text(st.characters(exclude_characters="\\{}"), max_size=30)
latex = st.text("\\{}$boxed 0123=,.^text", max_size=30)


def row(*answers: str) -> Row:
    """A row with these right answers."""
    return Row("problem", "instruction", answers, 8)


@given(numbers, numbers, prose, prose, prose)
def test_the_last_box_decides(right: int, wrong: int, before: str, between: str, after: str) -> None:
    """Whatever text is around the boxes."""
    prediction = f"{before}\\boxed{{{wrong}}}{between}\\boxed{{{right:03}}}{after}"
    assert boxed_answer(prediction, row(str(right))) == 1
    assert boxed_answer(prediction, row(str(wrong))) == (wrong == right)


@given(st.text(max_size=30) | latex, st.lists(st.text(max_size=5) | numbers.map(str), max_size=2))
def test_any_text_has_a_score(prediction: str, answers: list[str]) -> None:
    """0 or 1, as a float, against any answers."""
    score = boxed_answer(prediction, row(*answers))
    assert type(score) is float
    assert score in (0, 1)


@pytest.mark.parametrize(
    "text",
    [
        "25",
        "025",
        " 25 ",
        "$25$",
        "25.",
        "25.0",
        "25^\\circ",
        "25^{\\circ}",
        "\\text{25}",
        "\\mathbf{\\text{25}}",
        "{25}",
        "25\\text{ cm}",
        "\\,25\\!",
        "m+n = 25",
        "x=y=25",
        "\\(25\\)",
        "**25**",
        "25~",
        "\\left 25 \\right",
    ],
)
def test_what_is_written_around_a_number(text: str) -> None:
    """Marks, wrappers, units in text and equations make no difference, in a box and in an answer of nothing else."""
    assert whole_number(text) == 25
    assert boxed_answer(text, row("25")) == boxed_answer(f"so \\boxed{{{text}}}, 7", row("25")) == 1


@pytest.mark.parametrize(
    "text",
    [
        "",
        "-25",
        "25.5",
        "2 5",
        "25/3",
        "\\frac{25}{1}",
        "25, 26",
        "25\\text{ or }26",
        "2\\text{ and }5",
        "twenty",
        "25a",
        "25\\pi",
        "2,5",
        "25%",
        "x",
        "²⁵",
        "9" * 5000,
    ],
)
def test_what_is_no_whole_number(text: str) -> None:
    """Anything else is none, and a box of it is wrong even where the right number stands elsewhere."""
    assert whole_number(text) is None
    assert boxed_answer(f"The answer is 25. \\boxed{{{text}}}", row("25")) == 0


@pytest.mark.parametrize(
    ("prediction", "score"),
    [
        ("\\boxed{1,025}", 0),
        ("\\boxed{\\boxed{25}}", 1),
        ("\\boxed {25}", 1),
        ("\\fbox{25}", 1),
        ("{\\boxed{25}", 1),
        ("\\boxed{25} \\boxed{", 1),  # cut off in the last box
        ("\\boxed{7} \\boxed{25", 0),
        ("\\\\\\boxed{25}", 1),  # after a line break of LaTeX
        ("\\boxed{25\\}", 0),  # that brace closes nothing
        ("\\boxed{}", 0),
        ("boxed{25}", 0),
        ("\\boxed 25", 0),
        ("The answer is 25.", 1),
        ("the final answer is $25$", 1),
        ("**Final Answer:** 25", 1),
        ("Answer: \\(25\\)", 1),
        ("the answer is: **025**", 1),
        ("The answer is 7. Wait, the answer is 25, because 3 is odd.", 1),
        ("The answer is 25. Hence the answer is 7.", 0),
        ("25 is the answer", 0),
        ("I get 25", 0),
        ("The answer is about 25", 0),
        ("The answer is -25", 0),
        ("The answer is 25.5", 0),
        ("The answer is 25/3", 0),
        ("The answer is 25\\pi", 0),
        ("The answer is 25 + 7", 0),
        ("The answer is .25", 0),
        ("The answer is 250", 0),
        ("", 0),
    ],
)
def test_answers_by_hand(prediction: str, score: float) -> None:
    """What the docstring says, where 25 is right."""
    assert boxed_answer(prediction, row("25")) == score


def test_a_model_that_repeats_itself_is_scored() -> None:
    """Tens of thousands of open boxes take no longer than other text."""
    assert boxed_answer("\\boxed{" * 50_000 + "25}", row("25")) == 1
    assert boxed_answer("The answer is " * 50_000, row("25")) == 0


def test_the_scorer_has_its_name() -> None:
    """It is offered as `boxed_answer`."""
    assert default_registry().scorers.load("boxed_answer") is boxed_answer
