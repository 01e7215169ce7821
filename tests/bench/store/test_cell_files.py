"""The files of a cell are whole or not there, and mending them loses nothing that was whole."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from sah_bench.store.cell_files import CellFiles
from sah_bench.store.whole_files import read_json, write_whole


@pytest.fixture
def files(tmp_path: Path) -> CellFiles:
    return CellFiles(tmp_path / "cells" / "0123456789abcdef")


def test_a_cell_that_was_never_begun_has_nothing(files: CellFiles) -> None:
    """Everything can be asked for, nothing is there, and asking makes nothing."""
    assert (files.identity, files.scores, files.failure, files.damaged, files.mend()) == (None, None, None, [], [])
    files.forget_failure()
    assert not files.path.exists()


def test_what_was_written_is_read(files: CellFiles) -> None:
    """Each in the file of its name."""
    files.write_identity({"model": "é"})
    files.write_scores({"mean": 0.5})
    files.write_failure({"error": "OSError"})
    assert (files.identity, files.scores, files.failure) == ({"model": "é"}, {"mean": 0.5}, {"error": "OSError"})
    assert {entry.name for entry in files.path.iterdir()} == {"cell.json", "scores.json", "failure.json"}
    files.forget_failure()
    assert files.failure is None


def test_mending_names_what_was_damaged_in_both_files(files: CellFiles) -> None:
    """Damaged lines of answers and of times are set aside; lines and files that were never finished are dropped."""
    for file in (files.answers, files.times):
        file.append({"sample": 0}, {"sample": 1}, {"sample": 2})
        lines = file.path.read_text().splitlines(keepends=True)
        file.path.write_text(lines[0] + lines[1].replace("1", "7", 1) + lines[2] + lines[0][:9])
    write_whole(files.measurements_of(3), b"whole")
    (files.path / "scores.json.4711.partial").write_text("{")
    (files.path / "measurements" / "000004.parquet.4711.partial").write_text("")
    damaged = [str(line) for line in files.damaged]
    assert damaged == [f"{files.path}/answers.jsonl:2", f"{files.path}/times.jsonl:2"]
    assert [str(line) for line in files.mend()] == damaged
    assert files.answers.read().values == files.times.read().values == [{"sample": 0}, {"sample": 2}]
    assert [line["file"] for line in files.set_aside.read().values] == ["answers.jsonl", "times.jsonl"]
    assert not list(files.path.rglob("*.partial"))
    assert files.measurements_of(3).read_bytes() == b"whole"
    assert not files.damaged


def test_a_file_that_cannot_be_written_keeps_what_it_held(tmp_path: Path) -> None:
    """The new content lies beside it until it is whole, and goes when it cannot take its place."""
    target = tmp_path / "scores.json"
    (target / "in the way").mkdir(parents=True)
    with pytest.raises(OSError, match=r"directory|empty"):
        write_whole(target, b"{}")
    assert [entry.name for entry in tmp_path.iterdir()] == ["scores.json"]


def test_json_that_is_damaged_says_so(tmp_path: Path) -> None:
    """Reading gives None for no file, and raises ValueError for one without JSON."""
    assert read_json(tmp_path / "none.json") is None
    (tmp_path / "half.json").write_bytes(json.dumps({"a": 1}).encode()[:-1])
    with pytest.raises(ValueError, match="delimiter"):
        read_json(tmp_path / "half.json")
