"""A set's file in a user's folder: found under any of its names, read in any format; one sentence where it is not."""

from __future__ import annotations

import re
import zipfile
from pathlib import Path

import pytest

from sah_core.errors import ConfigError
from sah_tasks_longcontext.source import SetFile, read_set

from .files import write, write_zip

RECORDS = [{"context": "一 word", "input": "?"}, {"context": "two", "input": "!"}]
PLAIN = SetFile("someone/set", "questions.jsonl")
PACKED = SetFile("someone/set", "data.zip", "data/qasper.jsonl")


def read(file: SetFile, path: Path | str, *columns: str) -> list[dict[str, str]]:
    return [record.values for record in read_set(file, str(path), columns)]


@pytest.mark.parametrize("name", ["x.jsonl", "x.json", "x.csv", "x.parquet", "data.zip"])
@pytest.mark.parametrize("file", [PLAIN, PACKED])
def test_a_file_is_read_as_it_is(tmp_path: Path, name: str, file: SetFile) -> None:
    """A path to a file is that file, whatever it is called; a .zip needs the file inside to have a name."""
    path = tmp_path / name
    if name == "data.zip":
        write_zip(path, other=RECORDS[:1], qasper=RECORDS)
        if file is PLAIN:
            with pytest.raises(ConfigError, match=r"data\.zip: questions\.jsonl of someone/set is no \.zip; name the"):
                read(file, path)
            return
    else:
        write(path, RECORDS)
    assert read(file, path, "context", "input") == RECORDS


@pytest.mark.parametrize("name", ["questions.jsonl", "questions.json", "questions.parquet", "data/questions.jsonl"])
def test_a_folder_has_the_file_under_one_of_its_names(tmp_path: Path, name: str) -> None:
    """As it is published, or with the same stem in another format, in the folder itself or in its `data`."""
    write(tmp_path / name, RECORDS)
    assert read(PLAIN, tmp_path) == RECORDS


@pytest.mark.parametrize("name", ["qasper.jsonl", "qasper.json", "qasper.parquet", "data/qasper.jsonl"])
def test_a_folder_has_what_was_in_the_archive(tmp_path: Path, name: str) -> None:
    """What was unpacked is found with its folder and without."""
    write(tmp_path / name, RECORDS)
    assert read(PACKED, tmp_path) == RECORDS


def test_a_folder_that_is_part_of_the_name(tmp_path: Path) -> None:
    """A file whose folder says which dataset it is is not taken from another folder."""
    file = SetFile("someone/set", "qasper.zip", "qasper/validation.jsonl")
    write(tmp_path / "validation.jsonl", RECORDS)
    with pytest.raises(ConfigError, match=r"none of qasper\.zip, qasper/validation\.jsonl, qasper/validation\.json, "):
        read(file, tmp_path)
    write(tmp_path / "qasper" / "validation.parquet", RECORDS[:1])
    assert read(file, tmp_path) == RECORDS[:1]


@pytest.mark.parametrize("name", ["data.zip", "data/data.zip"])
def test_a_folder_has_the_archive(tmp_path: Path, name: str) -> None:
    """An archive need not be unpacked."""
    write_zip(tmp_path / name, qasper=RECORDS)
    assert read(PACKED, tmp_path) == RECORDS


def test_what_is_published_comes_first(tmp_path: Path) -> None:
    """Of several files the one with the published name is taken, and the folder itself before its `data`."""
    write(tmp_path / "data" / "questions.jsonl", RECORDS[1:])
    write(tmp_path / "questions.parquet", RECORDS)
    assert read(PLAIN, tmp_path) == RECORDS
    write(tmp_path / "questions.jsonl", RECORDS[:1])
    assert read(PLAIN, tmp_path) == RECORDS[:1]


def test_places_are_lines_inside_the_archive(tmp_path: Path) -> None:
    """A record is named by archive, file inside and line."""
    archive = write_zip(tmp_path / "data.zip", qasper=RECORDS)
    places = [record.place for record in read_set(PACKED, str(tmp_path), ["context"])]
    assert places == [f"{archive}/data/qasper.jsonl:{line}" for line in (1, 2)]


def test_no_more_is_read_than_is_asked_for(tmp_path: Path) -> None:
    """What comes after the last record that is taken is not looked at, in an archive either."""
    with zipfile.ZipFile(tmp_path / "data.zip", "w") as archive:
        archive.writestr("data/qasper.jsonl", '{"context": "c"}\n{oops}\n')
    records = read_set(PACKED, str(tmp_path), ["context"])
    assert next(records).values == {"context": "c"}
    with pytest.raises(ConfigError, match=r"data\.zip/data/qasper\.jsonl:2: no JSON: "):
        next(records)


FROM = "https://huggingface.co/datasets/someone/set/resolve/main"


def test_no_such_folder(tmp_path: Path) -> None:
    """A path that leads nowhere is told, and where the file comes from."""
    with pytest.raises(ConfigError) as caught:
        read(PACKED, tmp_path / "nowhere")
    assert str(caught.value) == (
        f"path '{tmp_path / 'nowhere'}': there is no such file or folder; bring file data.zip (data/qasper.jsonl) "
        f"from {FROM}/data.zip into a folder, and name that folder with `path`"
    )


def test_a_folder_without_the_file(tmp_path: Path) -> None:
    """All names that were looked for are told."""
    with pytest.raises(ConfigError) as caught:
        read(PACKED, tmp_path)
    assert str(caught.value) == (
        f"path '{tmp_path}': the folder has none of data.zip, data/qasper.jsonl, data/qasper.json, "
        "data/qasper.parquet, qasper.jsonl, qasper.json, qasper.parquet, nor has a folder 'data' in it; "
        "bring file data.zip (data/qasper.jsonl) from "
        f"{FROM}/data.zip into a folder, and name that folder with `path`"
    )


def test_a_column_is_missing(tmp_path: Path) -> None:
    """The record, what it lacks and what it has, wherever in the file."""
    path = write(tmp_path / "x.jsonl", [*RECORDS, {"context": "c", "question": "q"}])
    with pytest.raises(ConfigError) as caught:
        read(PLAIN, path, "input", "context", "answers")
    assert str(caught.value) == (
        f"{path}:1: has no column 'answers', which questions.jsonl of someone/set has; its columns are context, input"
    )
    with pytest.raises(ConfigError, match=r":3: has no column 'input', .* its columns are context, question"):
        read(PLAIN, path, "input", "context")


@pytest.mark.parametrize("name", ["x.jsonl", "x.json"])
def test_a_file_without_records(tmp_path: Path, name: str) -> None:
    """An empty file is a mistake, not an empty set."""
    path = write(tmp_path / name, [])
    with pytest.raises(ConfigError, match=r"x\.jsonl? has no rows, where questions\.jsonl of someone/set was expected"):
        read(PLAIN, path)


def test_an_archive_without_the_file(tmp_path: Path) -> None:
    """What there is inside is told, five names at most."""
    archive = write_zip(tmp_path / "data.zip", **dict.fromkeys("abcdefg", RECORDS))
    with pytest.raises(ConfigError) as caught:
        read(PACKED, archive)
    there = ", ".join(f"data/{name}.jsonl" for name in "abcde")
    assert str(caught.value) == f"{archive}: has no file data/qasper.jsonl inside; it has {there} and 2 more"
    with pytest.raises(ConfigError, match="it has none"):
        read(PACKED, write_zip(tmp_path / "data.zip"))


@pytest.mark.parametrize("damage", ["none", "cut", "changed", "encrypted"])
def test_an_archive_that_cannot_be_read(tmp_path: Path, damage: str) -> None:
    """One sentence names it, wherever the damage is."""
    path = write_zip(tmp_path / "data.zip", qasper=RECORDS * 50)
    content = bytearray(path.read_bytes())
    match damage:
        case "none":
            content = bytearray(b"no archive")
        case "cut":
            del content[len(content) // 2 :]
        case "changed":
            begin = content.index(b"data/qasper.jsonl") + len("data/qasper.jsonl")
            content[begin : begin + 20] = bytes(20)
        case _:
            for header, flags in ((b"PK\x03\x04", 6), (b"PK\x01\x02", 8)):
                content[content.rindex(header) + flags] |= 1
    path.write_bytes(content)
    with pytest.raises(ConfigError, match=rf"{re.escape(str(path))}: the archive cannot be read: \w") as caught:
        read(PACKED, path)
    assert "\n" not in str(caught.value)
