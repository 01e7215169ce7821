"""Checked lines: what was written is read, in full; what was not, is never taken for it."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sah_bench.store.lines import LineFile

TEXT = st.text(st.characters())  # lone surrogates and control characters too
JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | TEXT,
    lambda values: st.lists(values, max_size=3) | st.dictionaries(TEXT, values, max_size=3),
    max_leaves=6,
)
VALUE = st.dictionaries(TEXT.filter(lambda name: name != "crc"), JSON, max_size=4)
VALUES = st.lists(VALUE, max_size=5)


@contextmanager
def filed(values: list[dict[str, Any]]) -> Iterator[LineFile]:
    """A file with these lines, in a directory that is yet to be made."""
    with tempfile.TemporaryDirectory() as folder:
        file = LineFile(Path(folder) / "cell" / "answers.jsonl")
        file.append(*values)
        yield file


@given(VALUES, VALUES)
def test_what_was_appended_is_read(first: list[dict[str, Any]], then: list[dict[str, Any]]) -> None:
    """All values, in their order, whatever they hold and however many were appended at once."""
    with filed(first) as file:
        for value in then:
            file.append(value)
        assert file.read().values == first + then
        assert not file.read().damaged
        assert not file.read().torn


@given(VALUES, st.data())
def test_a_file_cut_anywhere_gives_a_prefix(values: list[dict[str, Any]], data: st.DataObject) -> None:
    """A process can be killed amid a line: the lines before it are read, it is not, and nothing counts as damaged."""
    with filed(values) as file:
        content = file.path.read_bytes()
        length = data.draw(st.integers(0, len(content)))
        file.path.write_bytes(content[:length])
        lines = file.read()
        assert lines.values == values[: content[:length].count(b"\n")]
        assert not lines.damaged
        assert lines.torn == (length > 0 and content[length - 1 : length] != b"\n")
        assert not file.mend(LineFile(file.path.with_name("set-aside.jsonl")))
        file.append({"next": 1})
        assert file.read().values == [*lines.values, {"next": 1}]


@given(VALUES.filter(bool), st.data())
def test_a_changed_byte_is_noticed(values: list[dict[str, Any]], data: st.DataObject) -> None:
    """Whatever byte became whatever other one: its line is gone and set aside, and the others are as they were."""
    with filed(values) as file:
        content = bytearray(file.path.read_bytes())
        place = data.draw(st.integers(0, len(content) - 1))
        content[place] ^= data.draw(st.integers(1, 255))
        line, is_end = content[:place].count(b"\n"), file.path.read_bytes()[place : place + 1] == b"\n"
        file.path.write_bytes(content)
        kept = values[:line] + values[line + (2 if is_end else 1) :]  # a line without its end takes the next one along
        set_aside = LineFile(file.path.with_name("set-aside.jsonl"))
        found = file.read()
        assert found.values == kept
        # The end of the last line alone: a line that has none is one that was never finished.
        assert found.damaged or found.torn
        assert len(file.mend(set_aside)) == len(found.damaged) == len(set_aside.read().values)
        assert file.read().values == kept
        assert not file.read().damaged
        assert not file.read().torn


def test_a_damaged_line_is_named_and_kept(tmp_path: Path) -> None:
    """File and line, from 1, and the text as it was found."""
    file = LineFile(tmp_path / "answers.jsonl")
    file.append({"sample": 0, "answer": "one"}, {"sample": 1, "answer": "two"})
    text = file.path.read_text().replace("two", "six")
    file.path.write_text(text)
    (damaged,) = file.mend(LineFile(tmp_path / "set-aside.jsonl"))
    assert str(damaged) == f"{file.path}:2"
    assert LineFile(tmp_path / "set-aside.jsonl").read().values == [
        {"file": "answers.jsonl", "line": 2, "text": text.splitlines()[1]}
    ]


def test_a_line_by_hand(tmp_path: Path) -> None:
    """The checksum is of the bytes before its own field: CRC-32 of '{"sample": 0, ' is 0xc8c38a5c."""
    file = LineFile(tmp_path / "answers.jsonl")
    file.append({"sample": 0})
    assert file.path.read_bytes() == b'{"sample": 0, "crc": "c8c38a5c"}\n'


def test_a_whole_file_is_not_written_again(tmp_path: Path) -> None:
    """Mending what is whole leaves the file itself alone, and makes none where none was."""
    file, set_aside = LineFile(tmp_path / "answers.jsonl"), LineFile(tmp_path / "set-aside.jsonl")
    assert not file.mend(set_aside)
    assert not list(tmp_path.iterdir())
    file.append({"sample": 0})
    before = file.path.stat()
    assert not file.mend(set_aside)
    assert file.path.stat().st_ino == before.st_ino
    assert not set_aside.path.exists()


def test_a_disk_that_takes_nothing_leaves_everything(tmp_path: Path) -> None:
    """What cannot be written raises OSError; reading a device finds no lines, and comes to an end."""
    file = LineFile(tmp_path / "answers.jsonl")
    file.path.symlink_to("/dev/full")
    with pytest.raises(OSError, match="No space left"):
        file.append({"sample": 0})
    assert not file.read().values


def test_lines_that_cannot_be_are_refused(tmp_path: Path) -> None:
    """The checksum's name, and what JSON cannot say, raise ValueError, and nothing is written."""
    file = LineFile(tmp_path / "answers.jsonl")
    for value in ({"crc": 1}, {"score": float("nan")}):
        with pytest.raises(ValueError, match=r"crc|JSON"):
            file.append({"sample": 0}, value)
    assert not file.path.exists()
