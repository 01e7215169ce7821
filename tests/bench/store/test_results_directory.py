"""A results directory knows its own, and touches nothing else."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest
from filelock import Timeout

from sah_bench.store.directory import FORMAT, ResultsDirectory
from sah_core import UsageError


def test_a_directory_is_made_and_opened_again(tmp_path: Path) -> None:
    """Also where its parents are yet to be made; a second run finds the mark of the first."""
    path = tmp_path / "new" / "results"
    ResultsDirectory.created(path).write_plan({"name": "mine", "cells": []})
    mark = (path / "sah-bench.json").read_bytes()
    assert json.loads(mark)["format"] == FORMAT
    assert ResultsDirectory.created(path).plan == {"name": "mine", "cells": []}
    assert ResultsDirectory.opened(path).plan == {"name": "mine", "cells": []}
    assert (path / "sah-bench.json").read_bytes() == mark


@pytest.mark.parametrize("found", [0, FORMAT + 1, "1", None])
def test_another_format_is_refused(tmp_path: Path, found: object) -> None:
    """Results of another version are neither read nor written: the error names both formats and says what to do."""
    (tmp_path / "sah-bench.json").write_text(json.dumps({"format": found}))
    for way in (ResultsDirectory.created, ResultsDirectory.opened):
        with pytest.raises(UsageError, match=rf"format {found!r}, .*format {FORMAT}: name another directory with -o"):
            way(tmp_path)


def test_a_directory_of_something_else_is_left_alone(tmp_path: Path) -> None:
    """A directory that holds other files is not written to."""
    (tmp_path / "thesis.tex").write_text("")
    with pytest.raises(UsageError, match="is not empty and holds no results of sah bench"):
        ResultsDirectory.created(tmp_path)
    with pytest.raises(UsageError, match=r"holds no results of sah bench \(there is no sah-bench.json\)"):
        ResultsDirectory.opened(tmp_path)
    assert [entry.name for entry in tmp_path.iterdir()] == ["thesis.tex"]


def test_a_run_that_begins_the_same_directory_does_no_harm(tmp_path: Path) -> None:
    """The half-written mark of another process is no foreign file."""
    (tmp_path / "sah-bench.json.12345.partial").write_text("{")
    assert ResultsDirectory.created(tmp_path).plan is None


def test_a_damaged_mark_is_named(tmp_path: Path) -> None:
    """A mark that is no JSON, or says nothing."""
    (tmp_path / "sah-bench.json").write_text("{")
    with pytest.raises(UsageError, match=r"sah-bench.json: cannot be read"):
        ResultsDirectory.opened(tmp_path)
    (tmp_path / "sah-bench.json").write_text("[]")
    with pytest.raises(UsageError, match="format None"):
        ResultsDirectory.opened(tmp_path)


def test_a_place_that_can_hold_nothing_is_named(tmp_path: Path) -> None:
    """Below a file there is no directory; where there is none, none is opened."""
    (tmp_path / "file").write_text("")
    with pytest.raises(UsageError, match=r"file/results: cannot hold results: Not a directory"):
        ResultsDirectory.created(tmp_path / "file" / "results")
    with pytest.raises(UsageError, match="there is no such directory of results"):
        ResultsDirectory.opened(tmp_path / "none")


def test_a_lock_goes_with_the_process_that_holds_it(tmp_path: Path) -> None:
    """No other process gets it until then, and a killed one leaves nothing that has to be cleared away."""
    directory = ResultsDirectory.created(tmp_path)
    holder = """
import sys
from pathlib import Path
from sah_bench.store.directory import ResultsDirectory
with ResultsDirectory(Path(sys.argv[1])).lock("cell"):
    print("held", flush=True)
    sys.stdin.readline()
"""
    command = [sys.executable, "-c", holder, str(tmp_path)]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == "held\n"
        with pytest.raises(Timeout):
            directory.lock("cell").acquire(timeout=0)
        with directory.lock("another"):
            pass
        process.kill()
    with directory.lock("cell").acquire(timeout=0):
        pass
