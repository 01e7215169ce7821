"""InfiniteBench's scorers: any text has a score, a right answer the best one, and examples that a reader can check.

Expected values follow src/compute_scores.py of OpenBMB/InfiniteBench, read off by hand.
"""

# ruff: noqa: RUF001
# Chinese answers have Chinese punctuation.

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sah_bench.scoring.scorer import Scorer
from sah_bench.tasks.row import Row
from sah_core.plugins import default_registry

from .records import ANSWERS

any_text = st.text(max_size=30) | st.text("ABCDf012345[]{}.,:-'\" \nanswer is:option", max_size=30)

RIGHT = {
    "passkey": " 71432.",
    "number_string": " 2200012222, which",
    "kv_retrieval": '"00a0"',
    "longdialogue_qa_eng": " Ginger.",
    "longbook_sum_eng": "Seb and Peyton\nvisit a lighthouse.",
    "longbook_choice_eng": " C. The lighthouse",
    "longbook_qa_eng": " the Peyton.",
    "longbook_qa_chn": "上海。",
    "math_find": " 41, the",
    "math_calc": " [1, 3, 1]",  # signs are dropped, see below
    "code_run": " -4.",
    "code_debug": " B. f",
}
"""Answers as a model might give them to the first record of each task."""


def scorer(task: str) -> Scorer:
    """The published scorer of a task, as a config finds it."""
    found: Scorer = default_registry().scorers.load(f"infinitebench_{task}")
    return found


def row(*answers: str) -> Row:
    """A row with these right answers."""
    return Row("context", "question", answers, 8)


@pytest.mark.parametrize("task", ANSWERS)
@given(any_text)
def test_any_text_has_a_score(task: str, prediction: str) -> None:
    """Every prediction scores a float from 0 to 1."""
    score = scorer(task)(prediction, row(*ANSWERS[task][0]))
    assert type(score) is float
    assert 0 <= score <= 1


@pytest.mark.parametrize(("task", "prediction"), RIGHT.items())
def test_a_right_answer_scores_best(task: str, prediction: str) -> None:
    """1, but where a value is negative, which the published scorer of ``math_calc`` never finds."""
    best = 2 / 3 if task == "math_calc" else 1
    assert scorer(task)(prediction, row(*ANSWERS[task][0])) == best


@pytest.mark.parametrize(
    ("task", "prediction", "answers", "score"),
    [
        ("passkey", "It is 71432 or 00000", ["71432"], 1),
        ("passkey", "1. 71432", ["71432"], 0),  # the first run of digits is 1
        ("passkey", "846", ["00846"], 0),
        ("passkey", "", ["00846"], 0),
        ("kv_retrieval", 'The value is {"k": "00a0-1"}.', ["00a0-1"], 1),
        ("kv_retrieval", "x00a0", ["00a0"], 0),
        ("longdialogue_qa_eng", "It's Ginger!", ["GINGER"], 1),
        ("longdialogue_qa_eng", "Ace Rothstein", ["ACE", "ACE ROTHSTEIN"], 1),
        ("longdialogue_qa_eng", "Ace Rothstein", ["ACE ROTHSTEIN", "ACE"], 0),  # only the first name, and no two words
        ("longbook_choice_eng", "B. Rome", ["The lighthouse", "C"], 0),
        ("longbook_choice_eng", "Clearly A", ["The lighthouse", "C"], 1),  # the first character is a C
        ("longbook_choice_eng", "The lighthouse", ["The lighthouse", "C"], 1),
        ("longbook_choice_eng", "the answer is: C", ["The lighthouse", "C"], 1),
        ("longbook_choice_eng", "the answer is:", ["The lighthouse", "C"], 0),
        ("longbook_choice_eng", "the answer is The lighthouse", ["The lighthouse", "C"], 1),
        ("longbook_choice_eng", "(C) or (D)", ["The lighthouse", "C"], 0),  # "(C)" is no word of ABCD
        ("longbook_choice_eng", "I say C", ["The lighthouse", "C"], 1),
        ("longbook_choice_eng", "I say BC, then C", ["The lighthouse", "C"], 0),  # "BC" is in "ABCD", and wrong
        ("longbook_choice_eng", "", ["The lighthouse", "C"], 0),
        ("longbook_choice_eng", "none of them", ["The lighthouse", "C"], 0),
        ("longbook_qa_eng", "The old lighthouse", ["to the lighthouse"], 1 / 2),  # 1 in common, of 2 and 2
        ("longbook_qa_eng", "Peyton", ["Seb", '"Peyton"'], 1),
        ("longbook_qa_eng", "...", ["Seb"], 0),
        ("longbook_qa_chn", "他在上海", ["上海"], 2 / 3),  # 2 in common, of 4 and 2
        ("longbook_qa_chn", "《上海》，", ["上海。"], 4 / 5),  # the published list lacks 《: 2 in common, of 3 and 2
        ("longbook_qa_chn", "", ["上海"], 0),
        ("longbook_sum_eng", "a b\nc", ["c\na b"], 1),  # lines in another order
        ("longbook_sum_eng", "a b c d", ["a c"], 2 / 3),  # 2 in common, of 4 and 2
        ("longbook_sum_eng", "runs", ["run"], 0),  # without stemming
        ("longbook_sum_eng", "", ["a"], 0),
        ("math_find", "The number is 2.5", ["2.5"], 1),
        ("math_find", "2.50", ["2.5"], 1),
        ("math_find", "7.0", ["7"], 1),
        ("math_find", "7.5", ["7"], 0),
        ("math_find", "no number", ["7"], 0),
        ("math_calc", "[5, 10, 16]", ["[5, 10, 15]"], 2 / 3),
        ("math_calc", "5 and 010", ["[5, 10, 15, 20]"], 1 / 2),
        ("math_calc", "[6, 10, 15]", ["[5, 10, 15]"], 0),
        ("math_calc", "5 10 15 20 25", ["[5, 10, 15]"], 1),
        ("math_calc", "", ["[5, 10, 15]"], 0),
        ("code_run", "func_1(2) = 12", ["12"], 1),
        ("code_run", "12 is it", ["12"], 0),
        ("code_run", "1.5", ["5"], 1),  # the stop parts words
        ("code_run", "", ["5"], 0),
        ("code_run", "9" * 5000, ["5"], 0),
        ("code_debug", "B: f", ["f", "B"], 1),
        ("code_debug", "B", ["f", "B"], 0),
        ("code_debug", "A. f", ["f", "B"], 0),
        ("code_debug", "The correct option is: B", ["f", "B"], 1),
        ("code_debug", "The answer is: `f`", ["f", "B"], 1),
        ("code_debug", "The answer is:B", ["f", "B"], 0),  # one character after the prefix is passed over
        ("code_debug", "My answer: Option B", ["f", "B"], 1),
        ("code_debug", "It is: A. Final answer: B", ["f", "B"], 0),  # "is:" is looked for before "answer:"
        ("code_debug", "answer is:", ["f", "B"], 0),
        ("code_debug", "", ["f", "B"], 0),
    ],
)
def test_scores_by_hand(task: str, prediction: str, answers: list[str], score: float) -> None:
    """On texts short enough to check."""
    assert scorer(task)(prediction, row(*answers)) == pytest.approx(score, abs=1e-15)
