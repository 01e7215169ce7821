"""LongBench v2: the published prompt and which questions it is asked of; what counts as an answer."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.tasks.longcontext.source.files import write

from sah_bench.tasks.row import Row
from sah_core.errors import ConfigError
from sah_core.plugins import default_registry
from sah_tasks_longcontext.longbench_v2.config import LongBenchV2Config
from sah_tasks_longcontext.longbench_v2.task import LongBenchV2
from sah_tasks_longcontext.scoring.longbench_v2 import longbench_v2_choice

from .published import record

PROMPT = """Please read the following text and answer the question below.

<text>
stone 0 river
</text>

What is the correct answer to this question: which 0 ?
Choices:
(A) a0
(B) b0
(C) c0
(D) d0

Format your response as follows: "The correct answer is (insert answer here)"."""


def rows_of(path: Path, **changes: object) -> tuple[Row, ...]:
    return LongBenchV2(LongBenchV2Config.model_validate({"path": str(path), **changes})).rows(None, 0)


def ids_of(path: Path, **changes: object) -> list[object]:
    return [row.extra["_id"] for row in rows_of(path, **changes)]


@pytest.mark.parametrize("name", ["data.json", "data.jsonl", "data.parquet"])
def test_context_and_question_are_the_prompt(tmp_path: Path, name: str) -> None:
    """Every part is stripped; the context ends with the document, the question is what follows it."""
    write(tmp_path / name, [record()])
    (row,) = rows_of(tmp_path)
    assert row.context + row.question == PROMPT
    assert row.context.endswith("<text>\nstone 0 river")
    assert (row.answers, row.max_new_tokens) == (("A",), 128)
    assert row.extra == {key: record()[key] for key in ("_id", "domain", "sub_domain", "difficulty", "length")}


def test_places_in_a_document_are_filled_too(tmp_path: Path) -> None:
    """As the set's script does; what is filled in later is not filled again."""
    write(tmp_path / "data.json", [{**record(), "context": "let $Q$ be {x}", "question": "$DOC$ ?"}])
    (row,) = rows_of(tmp_path)
    assert row.context.endswith("<text>\nlet $DOC$ ? be {x}")
    assert row.question.startswith("\n</text>\n\nWhat is the correct answer to this question: $DOC$ ?\nChoices:")


@pytest.mark.parametrize(
    ("wanted", "numbers", "label"),
    [
        ({}, range(12), "longbench_v2"),
        ({"domain": "Single-Document QA"}, range(0, 12, 2), "longbench_v2 Single-Document QA"),
        ({"difficulty": "hard"}, [2, 3, 6, 7, 10, 11], "longbench_v2 hard"),
        ({"size": "short", "difficulty": "easy"}, [0, 9], "longbench_v2 easy short"),
        ({"size": "long", "samples": 2}, [2, 5], "longbench_v2 long"),
        ({"size": "medium", "name": "mine"}, [1, 4, 7, 10], "mine"),
    ],
)
def test_which_questions_are_asked(tmp_path: Path, wanted: dict[str, object], numbers: list[int], label: str) -> None:
    """Those that fit all that the config says, and of these the first ones."""
    write(tmp_path / "data.json", [record(number) for number in range(12)])
    assert ids_of(tmp_path, **wanted) == [record(number)["_id"] for number in numbers]
    assert LongBenchV2Config.model_validate(wanted).label == label


def test_contexts_come_together(tmp_path: Path) -> None:
    """Two questions about one document follow one another."""
    write(tmp_path / "data.json", [record(0), record(1), {**record(2), "context": record(0)["context"]}])
    assert ids_of(tmp_path) == ["66f0", "66f2", "66f1"]


def test_no_question_is_like_that(tmp_path: Path) -> None:
    """A choice that leaves nothing is told."""
    write(tmp_path / "data.json", [record()])
    said = "the set has no question with domain 'Multi-Document QA' and length 'long'"
    with pytest.raises(ConfigError, match=said):
        rows_of(tmp_path, domain="Multi-Document QA", size="long")


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"answer": "E"}, "answer should be one of A, B, C, D, not 'E'"),
        ({"answer": None}, "answer should be a string, not null"),
        ({"context": "\n"}, "context is empty"),
        ({"choice_C": 3}, "choice_C should be a string, not 3"),
        ({"difficulty": 1}, "difficulty should be a string, not 1"),
    ],
)
def test_a_record_of_another_kind(tmp_path: Path, changes: dict[str, object], said: str) -> None:
    """File, row, column, what is in it, and what should be."""
    path = write(tmp_path / "data.json", [record(), {**record(1), **changes}])
    with pytest.raises(ConfigError) as caught:
        rows_of(tmp_path)
    assert str(caught.value) == f"{path}, row 2: {said}"


@pytest.mark.parametrize("given", [{"size": "huge"}, {"difficulty": "medium"}, {"domain": "QA"}])
def test_a_config_that_is_none(given: dict[str, str]) -> None:
    """A choice that the set does not have is told when the config is read."""
    with pytest.raises(ValueError, match="Input should be '"):
        LongBenchV2Config.model_validate(given)


@pytest.mark.parametrize(
    ("prediction", "score"),
    [
        ("The correct answer is (B)", 1),
        ("The correct answer is B.", 1),
        ("**The correct answer is (B) because**", 1),
        ("The correct answer is (**B**)", 1),
        ("So.\nThe correct answer is (B), not: The correct answer is (C)", 1),
        ("The correct answer is C. No: The correct answer is (B)", 1),  # brackets come first
        ("The correct answer is (C). The correct answer is (B)", 0),
        ("The correct answer is\n(B)", 0),
        ("the correct answer is (B)", 0),
        ("The correct answer is (b)", 0),
        ("The correct answer is (E)", 0),
        ("(B)", 0),
        ("", 0),
    ],
)
def test_answers_by_hand(prediction: str, score: float) -> None:
    """What the set's script takes for an answer, of which B is right."""
    assert longbench_v2_choice(prediction, Row("c", "q", ("B",), 8)) == score


@given(st.text(max_size=30))
def test_any_text_has_a_score(prediction: str) -> None:
    """0 or 1, as a float."""
    score = longbench_v2_choice(prediction, Row("c", "q", ("B",), 8))
    assert type(score) is float
    assert score in (0, 1)


def test_the_scorer_is_the_tasks_own() -> None:
    """It is what the config names by itself, and in the registry."""
    name = LongBenchV2Config().scored_by
    assert default_registry().scorers.load(name) is longbench_v2_choice
