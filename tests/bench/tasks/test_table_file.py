"""A stored table: the same rows when read again, a context's space once, and one sentence where it cannot be read."""

from __future__ import annotations

import random
import tempfile
from pathlib import Path

import pyarrow  # type: ignore[import-untyped]  # it has no types
import pytest
from hypothesis import given
from pyarrow import parquet

from sah_bench.tasks.row import Row, digest_of
from sah_bench.tasks.table_file import read_table, write_table
from sah_core.errors import UsageError

from .drawn_rows import tables


@given(tables())
def test_what_is_read_is_what_was_written(rows: tuple[Row, ...]) -> None:
    """The rows, their order and their digest are the same, whatever the text and the further columns."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "table.parquet"
        write_table(path, rows)
        found = read_table(path)
    assert found == rows
    assert digest_of(found) == digest_of(rows)


def test_the_same_rows_make_the_same_bytes(tmp_path: Path) -> None:
    """A run that writes a table again leaves the file as it was."""
    rows = [Row("context", f"question {number}", ("yes", "no"), 4, extra={"n": number}) for number in range(50)]
    write_table(tmp_path / "one.parquet", rows)
    write_table(tmp_path / "two.parquet", iter(rows))
    assert (tmp_path / "one.parquet").read_bytes() == (tmp_path / "two.parquet").read_bytes()


def test_no_rows_are_a_table_too(tmp_path: Path) -> None:
    """A table without rows reads as one."""
    write_table(tmp_path / "none.parquet", [])
    assert read_table(tmp_path / "none.parquet") == ()


def test_a_context_takes_its_space_once(tmp_path: Path) -> None:
    """Eight questions about each of two contexts of 2 MB take less than 5 % more space than one about each."""
    letters = random.Random(0)
    contexts = ["".join(letters.choices("abcdefghijklmnopqrstuvwxyz", k=2_000_000)) for _ in range(2)]
    for questions in (1, 8):
        rows = [Row(context, f"{number}?", ("a",), 8) for context in contexts for number in range(questions)]
        write_table(tmp_path / f"{questions}.parquet", rows)
    sizes = [(tmp_path / f"{questions}.parquet").stat().st_size for questions in (1, 8)]
    assert sizes[1] < 1.05 * sizes[0]


def test_rows_of_one_context_share_its_string(tmp_path: Path) -> None:
    """Read again, a context takes its memory once."""
    write_table(tmp_path / "t.parquet", [Row("a long context", f"{number}?", ("a",), 8) for number in range(3)])
    assert len({id(row.context) for row in read_table(tmp_path / "t.parquet")}) == 1


@pytest.mark.parametrize("damage", ["missing", "cut", "changed", "other columns"])
def test_a_file_that_is_no_table_is_named(tmp_path: Path, damage: str) -> None:
    """One sentence names the file and says what to do, whatever became of it."""
    path = tmp_path / "t.parquet"
    write_table(path, [Row("context", "question", ("a",), 8)])
    content = path.read_bytes()
    match damage:
        case "missing":
            path.unlink()
        case "cut":
            path.write_bytes(content[: len(content) // 2])
        case "changed":
            path.write_bytes(content[:4] + bytes(200) + content[204:])
        case _:
            parquet.write_table(pyarrow.table({"context": ["a"]}), path)
    with pytest.raises(UsageError) as caught:
        read_table(path)
    said = str(caught.value)
    assert said.startswith(f"{path}: the rows of a task cannot be read (")
    assert said.endswith("remove it, and run sah bench again")
    assert "\n" not in said


def test_a_table_is_written_whole_or_not_at_all(tmp_path: Path) -> None:
    """Rows that cannot be stored leave the file that was there."""
    path = tmp_path / "t.parquet"
    write_table(path, [Row("context", "question", ("a",), 8)])
    with pytest.raises(UnicodeEncodeError):
        write_table(path, [Row("half a character: \ud800", "question", ("a",), 8)])
    assert [row.context for row in read_table(path)] == ["context"]
    assert [file.name for file in tmp_path.iterdir()] == ["t.parquet"]
