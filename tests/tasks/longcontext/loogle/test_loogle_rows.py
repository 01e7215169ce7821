"""LooGLE's rows: the published prompts from both forms of its files, a document read once, and mistakes told."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pyarrow  # type: ignore[import-untyped]  # it has no types
import pytest
from hypothesis import given
from hypothesis import strategies as st
from pyarrow import parquet
from pydantic import ValidationError

from sah_bench.tasks.row import Row
from sah_core.errors import ConfigError
from sah_core.plugins import default_registry
from sah_tasks_longcontext.loogle.config import LoogleConfig
from sah_tasks_longcontext.loogle.literals import literal
from sah_tasks_longcontext.loogle.prompts import MAX_NEW_TOKENS
from sah_tasks_longcontext.loogle.task import Loogle

from .records import ANSWERS, FILES, PLAY, PROMPTS, flat, nested, write


def rows_of(path: Path, task: str, **changes: Any) -> tuple[Row, ...]:
    """The rows of a task, from a folder or a file."""
    config = LoogleConfig.model_validate({"task": task, "path": str(path), **changes})
    return Loogle(config).rows(None, 0)


@pytest.mark.parametrize("form", [flat, nested])
@pytest.mark.parametrize("task", FILES)
def test_context_and_question_are_the_published_prompt(
    tmp_path: Path, task: str, form: Callable[[str], list[dict[str, Any]]]
) -> None:
    """Together they are the prompt of config/task2prompt.json, from either form of the set's files."""
    write(tmp_path / "data" / FILES[task], form(task))
    rows = rows_of(tmp_path, task)
    assert [row.context + row.question for row in rows] == PROMPTS[task]
    assert [row.answers for row in rows] == [(answer,) for answer in ANSWERS[task]]
    assert {row.max_new_tokens for row in rows} == {MAX_NEW_TOKENS[task]}  # type: ignore[index]  # a task's name


def test_the_published_lengths_of_answers() -> None:
    """As config/task2maxlen.json has them."""
    assert MAX_NEW_TOKENS == {
        "shortdep_qa": 300,
        "longdep_qa": 500,
        "longdep_summarization": 500,
        "shortdep_cloze": 50,
    }


def test_a_document_is_read_once(tmp_path: Path) -> None:
    """All of its questions share one context, which ends with it, also where its records are apart."""
    first, second, third = flat("shortdep_qa")
    file = write(tmp_path / "x.jsonl", [first, third, second])
    rows = rows_of(file, "shortdep_qa")
    assert [row.context for row in rows[:2]] == [rows[0].context] * 2
    assert rows[0].context.endswith(PLAY)
    assert [row.context + row.question for row in rows] == PROMPTS["shortdep_qa"]


def test_samples_are_questions(tmp_path: Path) -> None:
    """Two of a document's questions are two samples; what comes after them is not read."""
    (tmp_path / "x.jsonl").write_text(write(tmp_path / "y.jsonl", nested("shortdep_qa")).read_text() + "no JSON")
    assert len(rows_of(tmp_path / "x.jsonl", "shortdep_qa", samples=2)) == 2


def test_parquet_holds_the_same_rows(tmp_path: Path) -> None:
    """With questions as text, and as a list, which Parquet has."""
    text = nested("longdep_qa")
    lists = [{**record, "qa_pairs": literal(record["qa_pairs"])} for record in text]
    for name, records in (("text", text), ("lists", lists)):
        parquet.write_table(pyarrow.Table.from_pylist(records), tmp_path / f"{name}.parquet")
        rows = rows_of(tmp_path / f"{name}.parquet", "longdep_qa")
        assert [row.context + row.question for row in rows] == PROMPTS["longdep_qa"]


def test_an_answer_that_is_no_text_is_written_out(tmp_path: Path) -> None:
    """A number, or a list of them, becomes what JSON writes."""
    records = [{"context": "c", "question": "q", "answer": answer} for answer in (5, [3, 1])]
    assert [row.answers for row in rows_of(write(tmp_path / "x.jsonl", records), "longdep_qa")] == [("5",), ("[3, 1]",)]


FORMS = "LooGLE's files have the columns context, question and answer (one question a row), or input, qa_pairs"

MISTAKES: dict[str, tuple[str, dict[str, Any], str]] = {
    "no document": ("shortdep_qa", {"text": "c"}, f"{FORMS} and output (one document a row); here they are text"),
    "no questions": ("shortdep_qa", {"input": "c", "output": "none"}, FORMS),
    "no answer": ("shortdep_qa", {"context": "c", "question": "q"}, FORMS),
    "empty": ("shortdep_qa", {"context": "", "question": "q", "answer": "a"}, "context is empty"),
    "no question": (
        "shortdep_qa",
        {"context": "c", "question": None, "answer": "a"},
        "the question should be text, not null",
    ),
    "null": ("shortdep_qa", {"context": "c", "question": "q", "answer": None}, "the answer should be text, not null"),
    "no literal": (
        "shortdep_qa",
        {"input": "c", "qa_pairs": "[{'Q': 'a'"},
        "qa_pairs cannot be read: it is neither JSON nor a Python literal: \"[{'Q': 'a'\"",
    ),
    "a call": ("shortdep_qa", {"input": "c", "qa_pairs": "[dict(Q='a')]"}, "qa_pairs cannot be read"),
    "no list": ("shortdep_qa", {"input": "c", "qa_pairs": "{'Q': 'a'}"}, "qa_pairs should be a list of questions"),
    "no pair": (
        "shortdep_qa",
        {"input": "c", "qa_pairs": "['a']"},
        "qa_pairs should be a list of questions such as {'Q",
    ),
    "summaries": ("shortdep_qa", {"input": "c", "qa_pairs": "none"}, "qa_pairs cannot be read"),
    "no A": (
        "shortdep_qa",
        {"input": "c", "qa_pairs": [{"Q": "a", "A": "b"}, {"Q": "a"}]},
        "question 2: the answer should be text, not null",
    ),
    "no summary": ("longdep_summarization", {"input": "c", "output": "None"}, "has no summary, in output or in answer"),
    "a set": (
        "longdep_qa",
        {"input": "c", "qa_pairs": "[{'Q': 'a', 'A': {1}}]"},
        'question 1: the answer should be what JSON can say, not "{1}"',
    ),
    "no masks": (
        "shortdep_cloze",
        {"context": "c", "question": "q", "answer": "Bob"},
        "the answer should be a mapping such as {'<mask-0>': 'Bob'}, not \"Bob\"",
    ),
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
    message = str(caught.value)
    assert message.startswith("x.jsonl:1")
    assert said in message
    assert "\n" not in message


def test_an_unknown_task_is_told() -> None:
    """The error names the four."""
    with pytest.raises(ValidationError, match="should be 'shortdep_qa', 'longdep_qa', 'longdep_summarization' or"):
        LoogleConfig.model_validate({"task": "summarization"})


def test_every_task_has_its_scorer_and_its_name() -> None:
    """ROUGE-L for texts, exact names for clozes; a config may name another, and call the task something else."""
    expected = {task: "loogle_cloze_exact" if task == "shortdep_cloze" else "loogle_rouge_l" for task in FILES}
    configs = [LoogleConfig.model_validate({"task": task}) for task in FILES]
    assert {config.task: config.scored_by for config in configs} == expected
    assert [config.label for config in configs] == [f"loogle {task}" for task in FILES]
    other = LoogleConfig.model_validate({"task": "longdep_qa", "scorer": "loogle_bleu_1", "name": "mine"})
    assert (other.label, other.scored_by) == ("mine", "loogle_bleu_1")
    assert default_registry().scorers.find(other.scored_by).description


json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text(),
    lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner),
    max_leaves=8,
)


@given(json_values)
def test_what_python_writes_is_read(value: Any) -> None:
    """The text of a list, a mapping or anything in them gives the same value again."""
    assert literal(repr(value)) == value


@given(st.text() | st.text("{}[]()'\":,.-\\xu0aN _", max_size=40))
def test_any_text_is_read_or_is_none(text: str) -> None:
    """Whatever a model writes is a value or a ValueError; nothing is run, and nothing warns."""
    try:
        literal(text)
    except ValueError:
        return
