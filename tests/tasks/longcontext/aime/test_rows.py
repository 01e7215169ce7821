"""AIME's rows: both years are read from their published formats, with answers that compare."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from tests.tasks.longcontext.source.files import write

from sah_bench.tasks.row import Row
from sah_core.errors import ConfigError
from sah_tasks_longcontext.aime.config import AIMEConfig
from sah_tasks_longcontext.aime.task import AIME

from .published import records, write_year

INSTRUCTION = "\n\nPlease reason step by step, and put your final answer within \\boxed{}."


def rows_of(path: Path, year: int, **changes: object) -> tuple[Row, ...]:
    return AIME(AIMEConfig.model_validate({"path": str(path), "year": year, **changes})).rows(None, 0)


def test_problems_are_contexts(tmp_path: Path) -> None:
    """The problem is the context, the instruction the question; an answer has neither zeros before it nor degrees."""
    for year in (2024, 2025):
        write_year(tmp_path, year)
    assert rows_of(tmp_path, 2024) == (
        Row("Find $20 + 5$.", INSTRUCTION, ("25",), 32768, extra={"id": "2024-I-1", "year": 2024}),
        Row("Find $x$.", INSTRUCTION, ("7",), 32768, extra={"id": "2024-I-2", "year": 2024}),
    )
    assert [(row.context, row.answers, row.extra["id"]) for row in rows_of(tmp_path, 2025)] == [
        ("Find $20 + 5$.", ("25",), "0"),
        ("How many degrees?", ("336",), "1"),
    ]


def test_how_long_a_solution_may_be(tmp_path: Path) -> None:
    """The config says; and of how many problems."""
    write_year(tmp_path, 2025)
    assert [row.max_new_tokens for row in rows_of(tmp_path, 2025, max_new_tokens=9, samples=1)] == [9]
    with pytest.raises(ValueError, match="greater than or equal to 1"):
        AIMEConfig(year=2024, max_new_tokens=0)


def test_what_a_year_is_called() -> None:
    """By its kind and year, or as the config says; there are two."""
    assert AIMEConfig(year=2024).label == "aime 2024"
    assert AIMEConfig(year=2024, name="mine").label == "mine"
    assert AIMEConfig(year=2025).scored_by == "boxed_answer"
    for given in ({"year": 2023}, {}):
        with pytest.raises(ValueError, match=r"2024 or 2025"):
            AIMEConfig.model_validate(given)


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"answer": "1000"}, 'answer should be a whole number from 0 to 999, not "1000"'),
        ({"answer": 2.5}, "answer should be a whole number from 0 to 999, not 2.5"),
        ({"answer": None}, "answer should be a whole number from 0 to 999, not null"),
        ({"problem": ""}, "problem is empty"),
    ],
)
def test_a_record_of_another_kind(tmp_path: Path, changes: dict[str, Any], said: str) -> None:
    """File, line, column, what is in it, and what should be."""
    path = write(tmp_path / "test.jsonl", [*records(2025), {**records(2025)[0], **changes}])
    with pytest.raises(ConfigError) as caught:
        rows_of(tmp_path, 2025)
    assert str(caught.value) == f"{path}:3: {said}"


def test_the_other_years_columns(tmp_path: Path) -> None:
    """A file of the other year is told apart by its columns."""
    path = write_year(tmp_path, 2024)
    with pytest.raises(ConfigError, match=r"row 1: has no column 'problem', 'answer', 'id', which test\.jsonl of math"):
        rows_of(path, 2025)
