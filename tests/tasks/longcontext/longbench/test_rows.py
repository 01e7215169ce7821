"""LongBench's rows: the published prompts to the letter, split after the document; one sentence for each mistake."""

from __future__ import annotations

import hashlib
import json
from pathlib import Path
from typing import get_args

import pytest
from tests.tasks.longcontext.source.files import write, write_zip

from sah_bench.tasks.row import Row
from sah_core.errors import ConfigError
from sah_tasks_longcontext.longbench.config import LongBenchConfig
from sah_tasks_longcontext.longbench.datasets import DATASETS, DatasetName
from sah_tasks_longcontext.longbench.task import LongBench

from .published import record

EXTENDED = [name for name, dataset in DATASETS.items() if dataset.extended]
each_dataset = pytest.mark.parametrize("dataset", DATASETS)


def rows_of(path: Path, dataset: str, **changes: object) -> tuple[Row, ...]:
    config = LongBenchConfig.model_validate({"dataset": dataset, "path": str(path), **changes})
    return LongBench(config).rows(None, 0)


def test_the_facts_are_the_published_ones() -> None:
    """As JSON with four spaces, prompts and lengths are the set's two files: not a letter more, less or other."""
    assert get_args(DatasetName) == tuple(DATASETS)
    prompts = json.dumps({name: dataset.prompt for name, dataset in DATASETS.items()}, indent=4, ensure_ascii=False)
    lengths = json.dumps({name: dataset.max_new_tokens for name, dataset in DATASETS.items()}, indent=4)
    assert (len(prompts), len(lengths)) == (4977, 459)
    digests = [hashlib.sha256(text.encode()).hexdigest()[:16] for text in (prompts, lengths)]
    assert digests == ["56d22ad4f382169c", "72966b3c0933e214"]


@each_dataset
def test_context_and_question_are_the_prompt(tmp_path: Path, dataset: DatasetName) -> None:
    """Together they are the filled prompt, whatever braces are in the text, and the context ends with the document."""
    write_zip(tmp_path / "data.zip", **{dataset: [record(dataset, number) for number in range(3)]})
    rows = rows_of(tmp_path, dataset)
    assert len(rows) == 3
    for number, row in enumerate(rows):
        filled = record(dataset, number)
        asked = DATASETS[dataset].prompt.replace("{input}", filled["input"]).replace("{context}", filled["context"], 1)
        assert row.context + row.question == asked
        assert row.context.endswith(filled["context"])
        assert row.answers == tuple(filled["answers"])
        assert row.max_new_tokens == DATASETS[dataset].max_new_tokens
        assert row.answer_prefix == ""
        assert row.extra == {name: filled[name] for name in ("dataset", "language", "length", "all_classes", "_id")}


def test_a_row_by_hand(tmp_path: Path) -> None:
    """trec's examples come first, and the question after a line break; lcc's code is followed by the instruction."""
    write_zip(tmp_path / "data.zip", trec=[record("trec")], lcc_e=[record("lcc")])
    (row,) = rows_of(tmp_path, "trec")
    assert row == Row(
        "Please determine the type of the question below. Here are some examples of questions.\n\n"
        "stone 0 {context} river\n tree ",
        "\nwhich 0 ?",
        ("river",),
        64,
        extra={"dataset": "trec", "all_classes": ["tree", "river"], "language": "en", "length": 4, "_id": "trec0"},
    )
    (row,) = rows_of(tmp_path, "lcc", extended=True)
    assert row.context == "Please complete the code given below. \nstone 0 {context} river\n tree "
    assert row.question == "Next line of code:\n"


@pytest.mark.parametrize("name", ["data.zip", "qasper.jsonl", "qasper.json", "qasper.parquet"])
def test_every_format_gives_the_same_rows(tmp_path: Path, name: str) -> None:
    """Out of the archive, unpacked, or made into another format."""
    records = [record("qasper", number) for number in range(2)]
    if name == "data.zip":
        write_zip(tmp_path / name, qasper=records, qasper_e=records[:1])
    else:
        write(tmp_path / name, records)
    write(tmp_path / "plain" / "qasper.jsonl", records)
    assert rows_of(tmp_path, "qasper") == rows_of(tmp_path / "plain", "qasper")


def test_samples_are_the_first_and_contexts_together(tmp_path: Path) -> None:
    """Of records about contexts 0, 1, 0, 1 the first three make rows 0, 0, 1."""
    records = [{**record("qasper", number % 2), "input": str(number)} for number in range(4)]
    write(tmp_path / "qasper.jsonl", records)
    rows = rows_of(tmp_path, "qasper", samples=3)
    assert [row.question[-len("0\n\nAnswer:")] for row in rows] == ["0", "2", "1"]


@each_dataset
def test_how_a_dataset_is_asked_and_scored(dataset: DatasetName) -> None:
    """A config may name another scorer; few-shot and code are never asked in a chat, as the set's script has it."""
    plain = LongBenchConfig(dataset=dataset)
    assert plain.label == f"longbench {dataset}"
    assert plain.scored_by == DATASETS[dataset].scorer
    assert not plain.in_chat
    chat = LongBenchConfig(dataset=dataset, chat=True, scorer="f1", name="mine")
    assert chat.in_chat == (dataset not in ("trec", "triviaqa", "samsum", "lsht", "lcc", "repobench-p"))
    assert (chat.scored_by, chat.label) == ("f1", "mine")


def test_longbench_e_has_13_datasets() -> None:
    """Those of the set's script; of the others one sentence says that there is no such part."""
    assert len(EXTENDED) == 13
    assert LongBenchConfig(dataset="qasper", extended=True).label == "longbench-e qasper"
    for dataset in set(DATASETS) - set(EXTENDED):
        with pytest.raises(ValueError, match=rf"LongBench-E has no {dataset}, only qasper, .*: leave extended out"):
            LongBenchConfig(dataset=dataset, extended=True)


@pytest.mark.parametrize(
    ("given", "said"),
    [
        ({"dataset": "squad"}, "Input should be 'narrativeqa', 'qasper'"),
        ({}, "Field required: one of narrativeqa, qasper"),
        ({"dataset": "qasper", "language": "en"}, "unknown field 'language'"),
        ({"dataset": "qasper", "path": ""}, "at least 1 character"),
    ],
)
def test_a_config_that_is_none(given: dict[str, object], said: str) -> None:
    """What is wrong with it is told when it is read."""
    with pytest.raises(ValueError, match=said):
        LongBenchConfig.model_validate(given)


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"context": " "}, "context is empty"),
        ({"context": None}, "context should be a string, not null"),
        ({"input": 3}, "input should be a string, not 3"),
        ({"language": None}, "language should be a string, not null"),
        ({"language": "fr"}, 'the set has no scorer for the language "fr"; it knows en and zh'),
        ({"answers": []}, "answers should be a list of strings, not []"),
        ({"answers": "river"}, 'answers should be a list of strings, not "river"'),
        ({"answers": ["a", 7]}, 'answers should be a list of strings, not ["a", 7]'),
        ({"all_classes": [1]}, "all_classes should be a list of strings, not [1]"),
        ({"context": "\ud83d"}, "context has half a character (\\ud83d without its other half)"),
        ({"answers": ["a", "\udc00"]}, "answers has half a character (\\udc00 without its other half)"),
    ],
)
def test_a_record_of_another_kind(tmp_path: Path, changes: dict[str, object], said: str) -> None:
    """File, line, column, what is in it, and what should be."""
    path = tmp_path / "qasper.jsonl"
    path.write_text("\n" + json.dumps({**record("qasper"), **changes}))
    with pytest.raises(ConfigError) as caught:
        rows_of(tmp_path, "qasper")
    assert str(caught.value) == f"{path}:2: {said}"


def test_a_file_of_another_set(tmp_path: Path) -> None:
    """Columns that are missing are told."""
    write(tmp_path / "x.jsonl", [{"context": "c", "question": "q", "answer": "a"}])
    with pytest.raises(ConfigError, match=r"x\.jsonl:1: has no column 'input', 'answers', 'length', .*which data\.zip"):
        rows_of(tmp_path / "x.jsonl", "qasper")
