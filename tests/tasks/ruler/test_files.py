"""Files that users bring: the formats in which they are published, and one sentence for each mistake."""

from __future__ import annotations

import json
import re
import warnings
from pathlib import Path
from typing import Any

import pyarrow  # type: ignore[import-untyped]  # it has no types
import pytest
from pyarrow import parquet

from sah_bench.tasks.row import Row
from sah_bench.tasks.task import TaskWarning
from sah_core.errors import ConfigError
from sah_tasks_ruler.config import RulerConfig, TaskName
from sah_tasks_ruler.essays import read_essays
from sah_tasks_ruler.question_files import Question, read_questions
from sah_tasks_ruler.ruler import Ruler

from .made_files import hotpot, squad
from .made_tokenizers import words

SQUAD = {
    "version": "v2.0",
    "data": [
        {
            "title": "Rivers",
            "paragraphs": [
                {
                    "context": "The Rhine is long.",
                    "qas": [
                        {
                            "question": "What is long?",
                            "id": "1",
                            "answers": [{"text": "The Rhine", "answer_start": 0}, {"text": "Rhine", "answer_start": 4}],
                            "is_impossible": False,
                        },
                        {"question": "What is short?", "id": "2", "answers": [], "is_impossible": True},
                    ],
                },
                {"context": "The Aare is short.", "qas": []},
            ],
        },
        {
            "title": "Hills",
            "paragraphs": [
                {
                    "context": "A hill is low.",
                    "qas": [
                        {"question": "What is low?", "id": "3", "answers": [{"text": "A hill", "answer_start": 0}]}
                    ],
                }
            ],
        },
    ],
}

HOTPOT = [
    {
        "_id": "a",
        "question": "Are both rivers?",
        "answer": "yes",
        "type": "comparison",
        "level": "hard",
        "supporting_facts": [["Rhine", 0], ["Aare", 1]],
        "context": [["Rhine", ["The Rhine is a river.", " It is long."]], ["Aare", ["The Aare.", " A river."]]],
    }
]


def written(path: Path, value: Any) -> str:
    path.write_text(value if isinstance(value, str) else json.dumps(value), "utf-8")
    return str(path)


def rows_of(length: int = 1000, samples: int = 2, **given: Any) -> tuple[Row, ...]:
    return Ruler(RulerConfig.model_validate({"samples": samples, **given})).rows(length, 0, words())


def test_squad_is_read(tmp_path: Path) -> None:
    """Questions with answers, each with its paragraph and those beside it in the article; paragraphs by alphabet."""
    found = read_questions("qa_1", written(tmp_path / "squad.json", SQUAD))
    assert found.documents == ("A hill is low.", "The Aare is short.", "The Rhine is long.")
    assert found.questions == (
        Question("What is long?", ("The Rhine", "Rhine"), gold=(2,), near=(1,)),
        Question("What is low?", ("A hill",), gold=(0,), near=()),
    )


def test_hotpot_is_read(tmp_path: Path) -> None:
    """A document is a title, a line break, and its sentences as they stand; all of a question's belong to it."""
    found = read_questions("qa_2", written(tmp_path / "hotpot.json", HOTPOT))
    assert found.documents == ("Aare\nThe Aare. A river.", "Rhine\nThe Rhine is a river. It is long.")
    assert found.questions == (Question("Are both rivers?", ("yes",), gold=(1, 0)),)


def without(value: Any, *path: str | int) -> Any:
    """A copy of nested lists and mappings that lacks what stands at a place."""
    copy = json.loads(json.dumps(value))
    inner = copy
    for step in path[:-1]:
        inner = inner[step]
    del inner[path[-1]]
    return copy


PUBLISHED = {"qa_1": "SQuAD's, published as https://rajpurkar", "qa_2": "HotpotQA's, published as http://curtis"}

MISTAKES: dict[str, tuple[TaskName, Any, str]] = {
    "no JSON": ("qa_1", "{oops", ": Invalid JSON: key must be a string at line 1 column 2; qa_1 needs a file like "),
    "the other set": ("qa_1", HOTPOT, ": Input should be an object; qa_1 needs a file like "),
    "the other set, too": ("qa_2", SQUAD, ": Input should be a valid array; qa_2 needs a file like "),
    "no data": ("qa_1", {"version": "v2.0"}, ": at data: Field required; "),
    "no paragraphs": ("qa_1", without(SQUAD, "data", 1, "paragraphs"), ": at data[1].paragraphs: Field required; "),
    "no question": (
        "qa_1",
        without(SQUAD, "data", 0, "paragraphs", 0, "qas", 1, "question"),
        ": at data[0].paragraphs[0].qas[1].question: Field required; ",
    ),
    "no answers": (
        "qa_1",
        without(SQUAD, "data", 1, "paragraphs", 0, "qas", 0, "answers", 0),
        ": at data[1].paragraphs[0].qas[0]: has no answers, and is not said to be impossible; ",
    ),
    "no question with an answer": (
        "qa_1",
        {"data": [{"paragraphs": [{"context": "c", "qas": []}]}]},
        ": has no question with an answer; qa_1 needs a file like ",
    ),
    "an empty list": ("qa_2", [], ": has no question with an answer; qa_2 needs a file like "),
    "no answer": ("qa_2", without(HOTPOT, 0, "answer"), ": at [0].answer: Field required; "),
    "an answer that is a number": (
        "qa_2",
        [{**HOTPOT[0], "answer": 5}],
        ": at [0].answer: Input should be a valid string; ",
    ),
    "a context that is text": (
        "qa_2",
        [{**HOTPOT[0], "context": "Rhine"}],
        ": at [0].context: Input should be a valid array; ",
    ),
    "an empty answer": (
        "qa_2",
        [{**HOTPOT[0], "answer": ""}],
        ": at [0].answer: String should have at least 1 character; ",
    ),
}


@pytest.mark.parametrize(("task", "content", "said"), MISTAKES.values(), ids=MISTAKES.keys())
def test_a_file_of_another_format_is_told(tmp_path: Path, task: TaskName, content: Any, said: str) -> None:
    """One sentence names the file, the place in it, what was expected, and which file is meant."""
    path = written(tmp_path / "q.json", content)
    with pytest.raises(ConfigError) as caught:
        rows_of(task=task, questions=path)
    assert str(caught.value).startswith(f"{path}{said}")
    assert PUBLISHED[task] in str(caught.value)
    assert "\n" not in str(caught.value)


def test_a_file_that_is_not_there_is_told(tmp_path: Path) -> None:
    """And where it is published; a directory is no file."""
    with pytest.raises(ConfigError, match=r"nowhere\.json: there is no such file; qa_2 needs one like HotpotQA's"):
        rows_of(task="qa_2", questions=str(tmp_path / "nowhere.json"))
    with pytest.raises(ConfigError, match="the file cannot be read: Is a directory"):
        rows_of(task="qa_1", questions=str(tmp_path))
    with pytest.raises(ConfigError, match=r"nowhere\.txt: there is no such file, and it should hold essays"):
        rows_of(task="niah_single_2", essays=str(tmp_path / "nowhere.txt"))
    with pytest.raises(ConfigError, match=r"nowhere\.jsonl: there is no such file"):
        rows_of(task="niah_single_2", essays=str(tmp_path / "nowhere.jsonl"))
    (tmp_path / "latin.txt").write_bytes(b"caf\xe9")
    with pytest.raises(ConfigError, match=r"latin\.txt: no UTF-8 text \(byte 0xe9\)"):
        rows_of(task="niah_single_2", essays=str(tmp_path / "latin.txt"))
    with pytest.raises(ConfigError, match="the file cannot be read: Is a directory"):
        rows_of(task="niah_single_2", essays=str(tmp_path))


@pytest.mark.parametrize("task", ["qa_1", "qa_2"])
def test_too_few_questions_are_told(tmp_path: Path, task: TaskName) -> None:
    """How many were asked for and how many there are."""
    path = written(tmp_path / "q.json", squad(1, 12) if task == "qa_1" else hotpot(12))
    with pytest.raises(ConfigError, match="samples is 13, and the file has 12 questions with an answer: ask for 12 at"):
        rows_of(task=task, questions=path, samples=13, length=400 if task == "qa_1" else 1000)


TEXT = "First one.\n\n  Then  two. "


def test_essays_are_text_or_a_column(tmp_path: Path) -> None:
    """The words are the same from text, JSON lines, a list, a CSV, Parquet, and the one object that RULER's file is."""
    parts = [{"title": "a", "text": "First one."}, {"title": "b", "text": "Then two."}]
    parquet.write_table(pyarrow.Table.from_pylist(parts), tmp_path / "e.parquet")
    files = [
        written(tmp_path / "e.txt", TEXT),
        written(tmp_path / "essays", f"\ufeff{TEXT}"),
        written(tmp_path / "e.jsonl", "\n".join(json.dumps(part) for part in parts)),
        written(tmp_path / "e.json", parts),
        written(tmp_path / "PaulGrahamEssays.json", {"text": TEXT}),
        written(tmp_path / "e.csv", "title,text\na,First one.\nb,Then two.\n"),
        str(tmp_path / "e.parquet"),
    ]
    assert [read_essays(file) for file in files] == len(files) * [["First", "one.", "Then", "two."]]


@pytest.mark.parametrize(
    ("name", "content", "said"),
    [
        ("e.txt", " \n ", "e.txt has no words, and its text should be what needles are hidden in"),
        ("e.json", [], "e.json has no words"),
        ("e.json", {"texts": "a"}, "e.json: has no column 'text', where essays are; its columns are texts"),
        ("e.json", [{"text": "a"}, {"words": "b"}], "e.json, row 2: has no column 'text'"),
        ("e.jsonl", '{"text": 5}', "e.jsonl:1: text should be a string, not 5"),
        ("e.json", "{", "e.json: no JSON"),
    ],
)
def test_essays_that_are_none_are_told(tmp_path: Path, name: str, content: Any, said: str) -> None:
    """One sentence names the file, and the line or row where there are such."""
    path = written(tmp_path / name, content)
    with pytest.raises(ConfigError) as caught:
        rows_of(task="niah_single_2", essays=path)
    assert said in str(caught.value)


def test_short_essays_are_repeated_and_told(tmp_path: Path) -> None:
    """Five words are repeated as often as it takes; the warning says how many there are, and how often."""
    path = written(tmp_path / "e.txt", "One two. Three four five.")  # 7 tokens, with the two full stops
    with pytest.warns(TaskWarning, match=r"e\.txt has 5 words, 7 tokens: a context of length 1000 takes it 1"):
        rows = rows_of(task="niah_multivalue", essays=path)
    for row in rows:
        needle = " ?One of the special magic numbers for .+? is: [0-9]+[.] ?"
        text = " ".join(part for part in re.split(needle, row.context.partition("\n")[2]) if part)
        repeated = 200 * "One two. Three four five. "
        assert repeated.startswith(text)
        assert 990 <= row.extra["tokens"] <= 1000


def test_essays_without_sentences_are_one(tmp_path: Path) -> None:
    """A text without full stops, longer than the context, is one sentence: a needle stands before or behind it."""
    path = written(tmp_path / "e.txt", "word " * 3000)
    for row in rows_of(task="niah_single_2", essays=path, samples=20):
        haystack = row.context.partition("\n")[2].strip()
        assert haystack.startswith("One of the special") or haystack.endswith(f"is: {row.answers[0]}.")


def test_noise_stands_in_for_essays_and_is_told() -> None:
    """Where the config names none; saying haystack: noise, or naming essays, silences it."""
    with pytest.warns(TaskWarning, match="the needles of niah_single_3 in Paul Graham's essays, and the config"):
        (row,) = rows_of(task="niah_single_3", samples=1)
    assert "The grass is green." in row.context
    assert row.extra["haystack"] == "noise"
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert rows_of(task="niah_single_3", samples=1, haystack="noise") == (row,)
