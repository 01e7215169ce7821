"""ZeroSCROLLS' rows: the published prompts to the letter, all right answers of a question, and mistakes told."""

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
from sah_tasks_longcontext.zeroscrolls.config import ZeroScrollsConfig
from sah_tasks_longcontext.zeroscrolls.task import ZeroScrolls

from .records import ANSWERS, DOCUMENTS, INSTRUCTIONS, lines, records, write_archive


def rows_of(path: Path, task: str, **changes: Any) -> tuple[Row, ...]:
    """The rows of a task, from a folder or a file."""
    config = ZeroScrollsConfig.model_validate({"task": task, "path": str(path), **changes})
    return ZeroScrolls(config).rows(None, 0)


@pytest.mark.parametrize("task", INSTRUCTIONS)
def test_context_and_question_are_the_published_prompt(tmp_path: Path, task: str) -> None:
    """Together they are ``input``, parted where the document ends; a question has all of its right answers."""
    write_archive(tmp_path, task)
    before, query, after = INSTRUCTIONS[task]
    rows = rows_of(tmp_path, task)
    assert [row.context for row in rows] == [before + document for document in DOCUMENTS]
    assert [row.question for row in rows] == [query + after] * 2
    assert [[*row.answers] for row in rows] == ANSWERS[task]
    assert [(row.max_new_tokens, row.extra) for row in rows] == [(1024, {"id": f"{task}_{at}"}) for at in (0, 1)]


def test_samples_are_questions(tmp_path: Path) -> None:
    """One sample of a task with four right answers has all four."""
    write_archive(tmp_path, "squality")
    (row,) = rows_of(tmp_path, "squality", samples=1)
    assert len(row.answers) == 4


def test_questions_about_one_document_are_put_together(tmp_path: Path) -> None:
    """Records of documents a, b, a, each with its own id, become a, a, b."""
    first, second = records("musique")
    third = {**first, "id": "other", "input": first["input"].replace("Where?", "When?")}
    path = tmp_path / "validation.jsonl"
    path.write_text(lines([first, second, third]))
    assert [row.extra["id"] for row in rows_of(path, "musique")] == ["musique_0", "other", "musique_1"]


def test_parquet_holds_the_same_rows(tmp_path: Path) -> None:
    """As a converted copy of the set may have them."""
    write_archive(tmp_path / "archive", "qasper")
    parquet.write_table(pyarrow.Table.from_pylist(records("qasper")), tmp_path / "validation.parquet")
    assert rows_of(tmp_path / "validation.parquet", "qasper") == rows_of(tmp_path / "archive", "qasper")


def test_answers_of_the_test_split_are_not_published(tmp_path: Path) -> None:
    """Asked for it, there is one sentence that says what can be done; with answers of one's own it is asked."""
    write_archive(tmp_path, "qmsum")
    with pytest.raises(ConfigError) as caught:
        rows_of(tmp_path, "qmsum", split="test")
    assert str(caught.value) == (
        f"{tmp_path / 'qmsum.zip'}/qmsum/test.jsonl:1: there is no answer to score with, as ZeroSCROLLS does not "
        "publish those of its test split: ask with split: validation, or submit answers to its leaderboard, "
        "https://www.zero.scrolls-benchmark.com"
    )
    (tmp_path / "own.jsonl").write_text(lines(records("qmsum")))
    assert len(rows_of(tmp_path / "own.jsonl", "qmsum", split="test")) == 2


MISTAKES: dict[str, tuple[dict[str, Any], str]] = {
    "no column": ({"id": "a", "input": "c q", "output": "x"}, "has no column 'document_end_index', which qmsum.zip"),
    "no id": ({"id": None}, "id should be a string, not null"),
    "no input": ({"input": " "}, "input is empty"),
    "no answer": ({"output": ""}, "output is empty"),
    "no index": (
        {"document_end_index": "9"},
        "document_end_index should be where the document ends in the 3 characters of input, with words before and "
        'after it, not "9"',
    ),
    "nothing before": ({"document_end_index": 0}, "document_end_index should be where the document ends"),
    "nothing after": ({"document_end_index": 3}, "document_end_index should be where the document ends"),
    "from the end": ({"document_end_index": -1}, "document_end_index should be where the document ends"),
    "true": ({"document_end_index": True}, "document_end_index should be where the document ends"),
}


@pytest.mark.parametrize(("changes", "said"), MISTAKES.values(), ids=MISTAKES.keys())
def test_a_mistake_is_one_sentence_with_its_place(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, changes: dict[str, Any], said: str
) -> None:
    """File and line, what is there, and what should be."""
    monkeypatch.chdir(tmp_path)
    good = {"id": "a", "input": "c q", "output": "x", "document_end_index": 1}
    Path("x.jsonl").write_text(lines([changes if "has no" in said else {**good, **changes}]))
    with pytest.raises(ConfigError) as caught:
        rows_of(Path("x.jsonl"), "qmsum")
    assert str(caught.value).startswith(f"x.jsonl:1: {said}")
    assert "\n" not in str(caught.value)


def test_an_unknown_task_is_told() -> None:
    """The error names the ten; and the two splits."""
    with pytest.raises(ValidationError, match=r"Input should be 'gov_report', .* or 'book_sum_sort'"):
        ZeroScrollsConfig.model_validate({"task": "contract_nli"})
    with pytest.raises(ValidationError, match="Input should be 'validation' or 'test'"):
        ZeroScrollsConfig.model_validate({"task": "qmsum", "split": "train"})


def test_every_task_has_its_scorer_and_its_name() -> None:
    """As table 1 of the paper has them; a config may name another, and call the task something else."""
    configs = {task: ZeroScrollsConfig.model_validate({"task": task}) for task in INSTRUCTIONS}
    assert {task: config.scored_by for task, config in configs.items()} == {
        "gov_report": "zeroscrolls_rouge",
        "summ_screen_fd": "zeroscrolls_rouge",
        "qmsum": "zeroscrolls_rouge",
        "squality": "zeroscrolls_rouge",
        "qasper": "zeroscrolls_f1",
        "narrative_qa": "zeroscrolls_f1",
        "quality": "zeroscrolls_accuracy",
        "musique": "zeroscrolls_f1",
        "space_digest": "zeroscrolls_exponential_similarity",
        "book_sum_sort": "zeroscrolls_concordance",
    }
    assert [config.label for config in configs.values()] == [f"zeroscrolls {task}" for task in INSTRUCTIONS]
    other = ZeroScrollsConfig.model_validate({"task": "qasper", "scorer": "exact", "name": "mine"})
    assert (other.label, other.scored_by) == ("mine", "exact")
    assert default_registry().scorers.find(configs["qasper"].scored_by).description
