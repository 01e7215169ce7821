"""`sah bench --executor ray` as its user meets it: Ctrl-C amid a question, then a run that loses a worker, and JSON."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from pathlib import Path
from typing import Any

import attrs
import pytest
from tests.bench.executor.plans import ONE_CPU, MakePlan, answered, attention, cell_of, execute, write_rows

from sah_bench.store.cell_files import CellFiles
from sah_bench.store.directory import ResultsDirectory

from .on_ray import contents, waiting

pytest.importorskip("ray")
psutil: Any = pytest.importorskip("psutil")  # to see which processes are left

ASKED = {64: 2, 96: 1, 65: 2}
"""Sample 2 is the one about the context of 96 tokens."""


@attrs.frozen
class Benched:
    """What came of Ctrl-C, and of the same command again."""

    interrupted: subprocess.CompletedProcess[str]
    left: list[Any]
    """Processes of the first run that were there when it had ended, and for a minute after it."""
    answers: bytes
    """Of the cell that was at work, after Ctrl-C."""
    asked: list[int]
    again: subprocess.CompletedProcess[str]
    files: dict[str, CellFiles]
    local: dict[str, CellFiles]


@pytest.fixture(scope="module")
def config(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    """Two cells, each of which waits at sample 2 until a file is there; the first one at sample 3, too, for another."""
    place = tmp_path_factory.mktemp("benched")
    write_rows(place / "rows.jsonl", ASKED)
    first, later, second = (
        {"kind": "odd", "does": "wait", "at": at, "until": str(place / name)}
        for at, name in ((96, "interrupted"), (65, "later"), (96, "killed"))
    )
    waits = [attention("interrupted", first, later), attention("killed", second)]
    return {
        "version": 1,
        "name": "benched",
        "models": ["needle"],
        "attention": waits,
        "tasks": [{"kind": "file", "path": str(place / "rows.jsonl"), "name": "rows"}],
        "output": str(place / "results"),
        "workers": {**ONE_CPU, "ray": {"workers": 1}},
    }


@pytest.fixture(scope="module")
def benched(config: dict[str, Any], make: MakePlan, alone: None) -> Benched:
    """Interrupted amid its third question, which ends a moment later; then done, with a worker that is killed."""
    place = Path(config["output"]).parent
    (place / "bench.json").write_text(json.dumps(config))
    command = [sys.executable, "-m", "sah_core.cli", "bench", str(place / "bench.json"), "--executor", "ray", "--json"]
    options: dict[str, Any] = {
        "env": {**os.environ, "PYTHONPATH": os.pathsep.join(sys.path), "RAY_AUTH_MODE": "token"},
        "stdout": subprocess.PIPE,
        "stderr": subprocess.PIPE,
        "text": True,
    }
    there = ResultsDirectory.created(Path(config["output"]))
    plan = make(there, **{key: value for key, value in config.items() if key != "version"})
    files = {name: there.cell(cell_of(plan, name).address) for name in ("interrupted", "killed")}
    before = signal.signal(signal.SIGINT, signal.default_int_handler)  # else who is started ignores it as we may do
    with subprocess.Popen(command, start_new_session=True, **options) as first:
        signal.signal(signal.SIGINT, before)
        waiting(place / "interrupted")
        started = psutil.Process(first.pid).children(recursive=True)
        os.killpg(first.pid, signal.SIGINT)
        (place / "interrupted").touch()
        said = first.communicate()
    _, left = psutil.wait_procs(started, timeout=60)
    answers, asked = files["interrupted"].answers.path.read_bytes(), answered(files["interrupted"])
    (place / "later").touch()
    with subprocess.Popen(command, **options) as second:
        os.kill(waiting(place / "killed"), signal.SIGKILL)
        (place / "killed").touch()
        said_again = second.communicate()
    here = ResultsDirectory.created(place / "local")
    execute(plan, here)
    return Benched(
        subprocess.CompletedProcess(command, first.returncode, *said),
        left,
        answers,
        asked,
        subprocess.CompletedProcess(command, second.returncode, *said_again),
        files,
        {name: here.cell(cell_of(plan, name).address) for name in files},
    )


def test_ctrl_c_ends_a_run_and_all_that_it_started(benched: Benched) -> None:
    """Exit code 130, one word, and no process of Ray that goes on."""
    done = benched.interrupted
    assert (done.returncode, done.stdout, done.stderr) == (130, "", "interrupted\n")
    assert benched.left == []


def test_ctrl_c_waits_for_the_question_that_is_being_answered(benched: Benched) -> None:
    """Sample 2 is answered, in whole lines, and no other one after it."""
    assert benched.answers.endswith(b"\n")
    assert benched.asked == [0, 1, 2]


def test_the_same_command_goes_on(benched: Benched) -> None:
    """Everything is complete, though a worker was killed meanwhile: that is told nowhere but on a terminal."""
    done = benched.again
    assert (done.returncode, done.stderr) == (0, "")
    assert json.loads(done.stdout)["outcome"]["complete"] == 2


def test_what_comes_out_is_what_comes_out_here(benched: Benched) -> None:
    """To the byte, each sample answered once."""
    for name, files in benched.files.items():
        assert contents(files) == contents(benched.local[name])
        assert [line["sample"] for line in files.times.read().values] == [0, 1, 2, 3, 4]
