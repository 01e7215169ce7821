"""InfiniteBench's rows: the published prompts to the letter, answers in the scorers' form, and mistakes told."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pyarrow  # type: ignore[import-untyped]  # it has no types
import pytest
from pyarrow import parquet
from pydantic import ValidationError

from sah_bench.tasks.row import Row
from sah_core.errors import ConfigError
from sah_core.plugins import default_registry
from sah_tasks_longcontext.infinitebench.config import InfiniteBenchConfig
from sah_tasks_longcontext.infinitebench.prompts import MAX_NEW_TOKENS, PROMPTS
from sah_tasks_longcontext.infinitebench.task import InfiniteBench

from .records import ANSWERS, BOOK, FIRST_PROMPTS, RECORDS, record, write


def rows_of(path: Path, task: str, **changes: Any) -> tuple[Row, ...]:
    """The rows of a task, from a folder or a file."""
    config = InfiniteBenchConfig.model_validate({"task": task, "path": str(path), **changes})
    return InfiniteBench(config).rows(None, 0)


@pytest.mark.parametrize("task", RECORDS)
def test_context_and_question_are_the_published_prompt(tmp_path: Path, task: str) -> None:
    """Together they are the prompt of `create_prompt` with the templates for open models; the context ends with the
    document, so questions about one document share it."""
    write(tmp_path / f"{task}.jsonl", RECORDS[task])
    rows = rows_of(tmp_path, task)
    assert rows[0].context + rows[0].question == FIRST_PROMPTS[task]
    assert [row.context.endswith(each["context"]) for row, each in zip(rows, RECORDS[task], strict=True)] == [True] * 2
    assert [row.answers for row in rows] == ANSWERS[task]
    assert {row.max_new_tokens for row in rows} == {MAX_NEW_TOKENS[task]}  # type: ignore[index]  # a task's name
    assert [row.extra for row in rows] == [{"id": 0}, {"id": 1}]


def test_the_published_lengths_of_answers() -> None:
    """As src/eval_utils.py has them."""
    assert MAX_NEW_TOKENS == {
        "passkey": 6,
        "number_string": 12,
        "kv_retrieval": 50,
        "longbook_sum_eng": 1200,
        "longbook_choice_eng": 40,
        "longbook_qa_eng": 40,
        "longbook_qa_chn": 40,
        "longdialogue_qa_eng": 40,
        "math_find": 3,
        "math_calc": 30000,
        "code_run": 5,
        "code_debug": 5,
    }
    assert set(PROMPTS) == set(MAX_NEW_TOKENS) == set(RECORDS)


def test_parquet_holds_the_same_rows(tmp_path: Path) -> None:
    """Also where a copy of the set has its numbers as text, as one with one type of answers for all tasks has."""
    write(tmp_path / "lines" / "math_calc.jsonl", RECORDS["math_calc"])
    texts = [record(0, "1 + 2 - 4", "", ["1", "3", "-1"]), record(1, "5 + 5 + 5", "", ["5", "10", "15"])]
    parquet.write_table(pyarrow.Table.from_pylist(texts), tmp_path / "math_calc.parquet")
    assert rows_of(tmp_path / "math_calc.parquet", "math_calc") == rows_of(tmp_path / "lines", "math_calc")


def test_questions_about_one_book_are_put_together(tmp_path: Path) -> None:
    """Books a, b, a become a, a, b; samples are taken before that."""
    asked = [record(at, book, "Who?", ["x"]) for at, book in enumerate([BOOK, "Another book.", BOOK])]
    file = write(tmp_path / "longbook_qa_eng.jsonl", asked)
    assert [row.extra["id"] for row in rows_of(file, "longbook_qa_eng")] == [0, 2, 1]
    assert [row.extra["id"] for row in rows_of(file, "longbook_qa_eng", samples=2)] == [0, 1]


MISTAKES: dict[str, tuple[str, dict[str, Any], str]] = {
    "no column": ("passkey", {"id": 0, "context": "c", "answer": "a"}, "has no column 'input'"),
    "no options": (
        "code_debug",
        {"id": 0, "context": "c", "input": "q", "answer": "a"},
        "has no column 'options', which code_debug.jsonl of xinrongzhang2022/InfiniteBench has",
    ),
    "three options": ("code_debug", record(0, "c", "q", "a", ["a", "b", "c"]), "options should be four, and are 3"),
    "context": ("passkey", record(0, " ", "q", "a"), "context is empty"),
    "no option": (
        "longbook_choice_eng",
        record(0, "c", "q", ["e"], "abcd"),
        'answer should be one of the options, or one with its letter, not ["e"]',
    ),
    "no letter": (
        "longbook_choice_eng",
        record(0, "c", "q", ["a", "E"], "abcd"),
        'answer should be one of the options, or one with its letter, not ["a", "E"]',
    ),
    "no answer": ("passkey", record(0, "c", "q", []), "answer is empty"),
    "null": ("passkey", record(0, "c", "q", None), "answer should be text, a number, or a list of them, not null"),
    "true": ("code_run", record(0, "c", "func_1(2)", True), "answer should be text, a number, or a list of them"),
    "no numbers": ("math_calc", record(0, "c", "", ["x"]), 'answer should be a list of whole numbers, not ["x"]'),
    "no values": ("math_calc", record(0, "c", "", [[]]), "answer should be a list of whole numbers, not [[]]"),
    "no call": ("code_run", record(0, "c", "f(2)", [1]), 'input should have a call such as func_1(-3), not "f(2)"'),
    "no number": ("math_find", record(0, "c", "Sum up", [1]), "input should ask for 'The ... of the list', not"),
}


@pytest.mark.parametrize(("task", "given", "said"), MISTAKES.values(), ids=MISTAKES.keys())
def test_a_mistake_is_one_sentence_with_its_place(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, task: str, given: dict[str, Any], said: str
) -> None:
    """File and line, what is there, and what should be."""
    monkeypatch.chdir(tmp_path)
    write(Path("x.jsonl"), [given])
    with pytest.raises(ConfigError) as caught:
        rows_of(Path("x.jsonl"), task)
    assert str(caught.value).startswith(f"x.jsonl:1: {said}")
    assert "\n" not in str(caught.value)


def test_an_unknown_task_is_told() -> None:
    """The error names the twelve."""
    with pytest.raises(ValidationError, match=r"Input should be 'passkey', 'number_string', .* or 'code_debug'"):
        InfiniteBenchConfig.model_validate({"task": "longbook_qa"})


def test_every_task_has_its_scorer_and_its_name() -> None:
    """The published scorer has the task's name; a config may name another, and call the task something else."""
    registry = default_registry()
    for task in RECORDS:
        config = InfiniteBenchConfig.model_validate({"task": task})
        assert (config.label, config.scored_by) == (f"infinitebench {task}", f"infinitebench_{task}")
        assert registry.scorers.find(config.scored_by).description
    other = InfiniteBenchConfig.model_validate({"task": "passkey", "scorer": "contains", "name": "mine"})
    assert (other.label, other.scored_by) == ("mine", "contains")
