"""A file of one's own as a task: the same rows in every format, and one sentence for each mistake."""

from __future__ import annotations

import csv
import json
import tempfile
from collections.abc import Callable, Sequence
from itertools import groupby
from pathlib import Path

import pyarrow  # type: ignore[import-untyped]  # it has no types
import pytest
from hypothesis import given
from hypothesis import strategies as st
from pyarrow import parquet

from sah_bench.tasks.configs import FileConfig
from sah_bench.tasks.file import File
from sah_bench.tasks.row import Row, digest_of
from sah_core.errors import ConfigError

from .drawn_rows import tables, text


def rows_of(path: Path | str, **changes: object) -> tuple[Row, ...]:
    """The rows of a file."""
    return File(FileConfig.model_validate({"path": str(path), **changes})).rows(None, 0)


def write_jsonl(path: Path, rows: Sequence[Row]) -> None:
    path.write_text("".join(json.dumps(row.to_dict(), ensure_ascii=False) + "\n" for row in rows), "utf-8", newline="")


def write_json(path: Path, rows: Sequence[Row]) -> None:
    path.write_text(json.dumps([row.to_dict() for row in rows], indent=2), "utf-8")


def write_csv(path: Path, rows: Sequence[Row]) -> None:
    with path.open("w", encoding="utf-8", newline="") as file:
        writer = csv.DictWriter(file, list(rows[0].to_dict()))
        writer.writeheader()
        writer.writerows({**row.to_dict(), "answer": json.dumps(row.answers)} for row in rows)


def write_parquet(path: Path, rows: Sequence[Row]) -> None:
    parquet.write_table(pyarrow.Table.from_pylist([row.to_dict() for row in rows]), path)


WRITERS: dict[str, Callable[[Path, Sequence[Row]], None]] = {
    ".jsonl": write_jsonl,
    ".json": write_json,
    ".csv": write_csv,
    ".parquet": write_parquet,
}


def grouped(rows: Sequence[Row]) -> tuple[Row, ...]:
    """The rows with those of one context together, in the order of the contexts' first appearance."""
    contexts = list(dict.fromkeys(row.context for row in rows))
    return tuple(sorted(rows, key=lambda row: contexts.index(row.context)))


@given(tables())
def test_json_files_give_their_rows(rows: tuple[Row, ...]) -> None:
    """JSON lines and a JSON list hold any rows, further columns of any JSON value among them."""
    with tempfile.TemporaryDirectory() as folder:
        for ending in (".jsonl", ".json"):
            path = Path(folder) / f"rows{ending}"
            WRITERS[ending](path, rows)
            assert rows_of(path) == grouped(rows)


@given(tables(extra=text))
def test_every_format_gives_the_same_rows(rows: tuple[Row, ...]) -> None:
    """With further columns of text, which all of them have, the four formats hold the same table."""
    with tempfile.TemporaryDirectory() as folder:
        paths = [Path(folder) / f"rows{ending}" for ending in WRITERS]
        for path in paths:
            WRITERS[path.suffix](path, rows)
        assert {digest_of(rows_of(path)) for path in paths} == {digest_of(grouped(rows))}


@given(tables(extra=text), st.integers(1, 8))
def test_samples_are_the_first_rows_of_the_file(rows: tuple[Row, ...], samples: int) -> None:
    """They are taken before rows are put together; rows of one context then follow one another."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "rows.jsonl"
        write_jsonl(path, rows)
        found = rows_of(path, samples=samples)
    assert found == grouped(rows[:samples])
    runs = [context for context, _ in groupby(found, lambda row: row.context)]
    assert len(set(runs)) == len(runs)


def test_rows_of_a_context_are_put_together(tmp_path: Path) -> None:
    """Contexts a, b, a, b become a, a, b, b, each with its questions in the file's order."""
    rows = [Row(context, question, ("x",), 1) for context, question in ("a1", "b1", "a2", "b2")]
    write_csv(tmp_path / "rows.csv", rows)
    assert [row.context + row.question for row in rows_of(tmp_path / "rows.csv")] == ["a1", "a2", "b1", "b2"]


@pytest.mark.parametrize("ending", WRITERS)
def test_what_may_be_missing_has_a_default(tmp_path: Path, ending: str) -> None:
    """Without them the prefix is empty and 32 tokens may be answered; a single answer is one of one."""
    path = tmp_path / f"rows{ending.upper()}"
    columns = {"context": "c", "question": "q", "answer": "007"}
    match ending:
        case ".csv":
            path.write_text("context,question,answer\n\nc,q,007\n")
        case ".parquet":
            parquet.write_table(pyarrow.Table.from_pylist([{**columns, "max_new_tokens": None}]), path)
        case ".json":
            path.write_text("\ufeff" + json.dumps([{**columns, "answer_prefix": None}]), "utf-8")
        case _:
            path.write_text("\n" + json.dumps(columns) + "\r\n  \n")
    assert rows_of(path) == (Row("c", "q", ("007",), 32, "", {}),)


def test_a_long_context_fits_in_a_csv(tmp_path: Path) -> None:
    """A cell may be longer than the 128 KiB that the csv module stops at; its limit is as before afterwards."""
    before = csv.field_size_limit()
    rows = [Row("word " * 60_000, "q", ("a",), 1)]
    csv.field_size_limit(10**9)
    write_csv(tmp_path / "rows.csv", rows)
    csv.field_size_limit(before)
    assert rows_of(tmp_path / "rows.csv") == tuple(rows)
    assert csv.field_size_limit() == before


def test_what_a_csv_cell_of_answers_says(tmp_path: Path) -> None:
    """A JSON list of strings is several answers; anything else, a list of numbers too, is the answer as it stands."""
    path = tmp_path / "rows.csv"
    with path.open("w", newline="") as file:
        csv.writer(file).writerows(
            [["context", "question", "answer"], *(["c", "q", a] for a in ('["a", "b"]', "[1]", "[a"))]
        )
    assert [row.answers for row in rows_of(path)] == [("a", "b"), ("[1]",), ("[a",)]


def test_a_missing_number_of_pandas_is_null(tmp_path: Path) -> None:
    """NaN in a Parquet column stands for a missing value, and JSON has null for that."""
    columns = {"context": ["c"], "question": ["q"], "answer": ["a"], "depth": [float("nan")]}
    parquet.write_table(pyarrow.table(columns), tmp_path / "rows.parquet")
    assert rows_of(tmp_path / "rows.parquet")[0].extra == {"depth": None}


GOOD = '{"context": "c", "question": "q", "answer": "a"}'

MISTAKES = {
    "not JSON": ("x.jsonl", GOOD + "\n{oops}\n", "x.jsonl:2: no JSON: Expecting property name .* at column 2"),
    "not JSON, list": ("x.json", "[\n{},\n{]", "x.json: no JSON: .* at line 3 column 2"),
    "NaN": ("x.jsonl", GOOD[:-1] + ', "n": NaN}', "x.jsonl:1: no JSON that can be read: NaN is no JSON value"),
    "no finite number": (
        "x.jsonl",
        GOOD[:-1] + ', "n": [1e999]}',
        "x.jsonl:1: n should be a JSON value, such as a number or text, not [Infinity]",
    ),
    "deep": ("x.jsonl", "[" * 100_000, "x.jsonl:1: no JSON that can be read: "),
    "no object": ("x.jsonl", "[1]", "x.jsonl:1: should be an object with the columns as its keys, not [1]"),
    "no list": ("x.json", GOOD, "x.json: a .json table is a list of objects, not {"),
    "no object, list": ("x.json", f"[{GOOD}, 3]", "x.json, row 2: should be an object .*, not 3"),
    "a key twice": ("x.jsonl", GOOD[:-1] + ', "answer": "b"}', "x.jsonl:1: has 'answer' twice"),
    "no column": (
        "x.jsonl",
        GOOD + '\n{"context": "c", "question": "q", "reply": "a"}',
        "x.jsonl:2: has no column 'answer'; its columns are context, question, reply",
    ),
    "no columns": ("x.jsonl", "{}", "x.jsonl:1: has no column 'context'; its columns are none"),
    "answer is a number": (
        "x.jsonl",
        f"{GOOD}\n{GOOD}\n" + GOOD.replace('"a"', "5"),
        "x.jsonl:3: answer should be a string or a list of strings, not 5",
    ),
    "answer has a number": (
        "x.jsonl",
        GOOD.replace('"a"', '["a", 5]'),
        'x.jsonl:1: answer should be a string or a list of strings, not ["a", 5]',
    ),
    "answer is null": ("x.jsonl", GOOD.replace('"a"', "null"), "x.jsonl:1: answer should be .*, not null"),
    "no answers": ("x.jsonl", GOOD.replace('"a"', "[]"), "x.jsonl:1: answer is empty"),
    "empty answer": ("x.jsonl", GOOD.replace('"a"', '["a", " "]'), "x.jsonl:1: answer is empty"),
    "empty context": ("x.jsonl", GOOD.replace('"c"', '""'), "x.jsonl:1: context is empty"),
    "empty question": ("x.jsonl", GOOD.replace('"q"', '" \\n"'), "x.jsonl:1: question is empty"),
    "context is a list": (
        "x.jsonl",
        GOOD.replace('"c"', json.dumps(["a long line"] * 9)),
        'x.jsonl:1: context should be a string, not ["a long line", "a long line", "a lon...',
    ),
    "prefix": ("x.jsonl", GOOD[:-1] + ', "answer_prefix": 1}', "x.jsonl:1: answer_prefix should be a string, not 1"),
    "no tokens": (
        "x.jsonl",
        GOOD[:-1] + ', "max_new_tokens": 0}',
        "x.jsonl:1: max_new_tokens should be a whole number from 1 up, not 0",
    ),
    "half a token": ("x.jsonl", GOOD[:-1] + ', "max_new_tokens": 1.5}', "x.jsonl:1: max_new_tokens .*, not 1.5"),
    "true tokens": ("x.jsonl", GOOD[:-1] + ', "max_new_tokens": true}', "x.jsonl:1: max_new_tokens .*, not true"),
    "half a character": (
        "x.jsonl",
        GOOD.replace('"c"', '"\\ud83d"'),
        "x.jsonl:1: context has half a character (\\ud83d without its other half)",
    ),
    "half a character, further": ("x.jsonl", GOOD[:-1] + ', "n": ["\\udc00"]}', "x.jsonl:1: n has half a character"),
    "no rows, lines": ("x.jsonl", "\n", "x.jsonl has no rows"),
    "no rows, list": ("x.json", "[]", "x.json has no rows"),
    "no rows, csv": ("x.csv", "", "x.csv has no rows"),
    "first line only": ("x.csv", "context,question,answer\n", "x.csv has no rows"),
    "too many cells": (
        "x.csv",
        'context,question,answer\n"c\nc",q,a\nc,q,a,b\n',
        "x.csv:4: has 4 columns, and the first line names 3",
    ),
    "a column twice": ("x.csv", "context,context\na,b\n", "x.csv: has 'context' twice"),
    "open quote": ("x.csv", 'context,question,answer\nc,q,a\n"c,q,a\n', "x.csv:3: no CSV: unexpected end of data"),
    "tokens in words": (
        "x.csv",
        "context,question,answer,max_new_tokens\nc,q,a,few\n",
        'x.csv:2: max_new_tokens should be a whole number from 1 up, not "few"',
    ),
    "not Parquet": ("x.parquet", "words", "x.parquet: the file cannot be read: "),
    "unknown ending": ("x.txt", GOOD, "x.txt: a table of one's own ends in .jsonl, .json, .csv, .parquet"),
}


@pytest.mark.parametrize(("name", "content", "said"), MISTAKES.values(), ids=MISTAKES.keys())
def test_a_mistake_is_one_sentence_with_its_place(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str, content: str, said: str
) -> None:
    """The sentence begins with the file, and the line or the row; ``.*`` stands for any words."""
    monkeypatch.chdir(tmp_path)
    Path(name).write_text(content)
    with pytest.raises(ConfigError) as caught:
        rows_of(name)
    message = str(caught.value)
    assert "\n" not in message
    position = 0
    for part in said.split(".*"):
        position = message.index(part, position) + len(part)
    assert message.startswith(said.partition(".*")[0])


def test_bytes_that_are_no_text_are_told(tmp_path: Path) -> None:
    """The line, where there are lines, and the byte are named."""
    (tmp_path / "x.jsonl").write_bytes(GOOD.encode() + b'\n{"context": "\xff"}\n')
    with pytest.raises(ConfigError, match=r"x\.jsonl:2: no UTF-8 text \(byte 0xff\)"):
        rows_of(tmp_path / "x.jsonl")
    (tmp_path / "x.csv").write_bytes(b"context\n\xff\n")
    with pytest.raises(ConfigError, match=r"x\.csv: the file cannot be read: 'utf-8' codec can't decode byte 0xff"):
        rows_of(tmp_path / "x.csv")


def test_a_file_that_is_not_there_is_told(tmp_path: Path) -> None:
    """A missing file and a directory are different mistakes."""
    with pytest.raises(ConfigError, match=r"nowhere\.jsonl: there is no such file"):
        rows_of(tmp_path / "nowhere.jsonl")
    (tmp_path / "folder.json").mkdir()
    with pytest.raises(ConfigError, match=r"folder\.json: this is a directory, and a table is a file"):
        rows_of(tmp_path / "folder.json")
    with pytest.raises(ConfigError, match="the file cannot be read: embedded null"):
        rows_of("a\0b.json")


def test_a_value_that_json_lacks_is_told(tmp_path: Path) -> None:
    """A time in a further Parquet column cannot be stored; its column and row are named."""
    import datetime

    columns = {"context": ["c"], "question": ["q"], "answer": ["a"], "when": [datetime.datetime(2024, 5, 1)]}
    parquet.write_table(pyarrow.table(columns), tmp_path / "x.parquet")
    with pytest.raises(ConfigError, match=r"x\.parquet, row 1: when should be a JSON value, such as a number or text"):
        rows_of(tmp_path / "x.parquet")


def test_what_lies_after_the_samples_is_not_looked_at(tmp_path: Path) -> None:
    """A few rows of a large file can be tried before all of it is right."""
    (tmp_path / "x.jsonl").write_text(f"{GOOD}\nnot JSON\n")
    assert len(rows_of(tmp_path / "x.jsonl", samples=1)) == 1
