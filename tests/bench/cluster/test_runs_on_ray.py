"""Four workers on Ray, of which some are lost: what comes out is what comes out on this machine, to the byte.

Once with workers that write to the results directory, and once with workers that do not see it.
"""

from __future__ import annotations

import os
import shutil
import signal
from collections import Counter
from pathlib import Path
from typing import Any

import attrs
import pytest
from filelock import FileLock
from tests.bench.executor.plans import (
    ONE_CPU,
    Heard,
    MakePlan,
    answered,
    attention,
    cell_of,
    execute,
    joined,
    parts,
    write_rows,
)

from sah_bench.executor.outcome import Outcome
from sah_bench.plan.cell import Cell
from sah_bench.plan.plan import Plan
from sah_bench.store.cell_files import CellFiles
from sah_bench.store.directory import ResultsDirectory

from .on_ray import contents, execute_on_ray, waiting

ASKED = {64: 2, 96: 1, 65: 2}
"""Tokens of each context, and its questions: sample 2 is the one about the context of 96 tokens."""
LEARN = {
    "maskers": [{"kind": "hashattention"}],
    "tasks": [{"kind": "needle", "samples": 2, "spacing": 8}],
    "length": 64,
}
HASHED = {"kind": "hashattention", "weights": "$calibrated"}
HEALTHY = ("dense", "half", "window", "measured", "hashed", "also hashed", "killed once")


@attrs.define
class Meddling(Heard):
    """A listener that kills a worker amid a question, and lets go of another run's lock when it is told of it."""

    lock: FileLock = attrs.field(kw_only=True)
    killed: Path = attrs.field(kw_only=True)
    """The file that the worker waits for, and that keeps the next one from waiting."""

    def sample_answered(self, cell: Cell, sample: int) -> None:
        super().sample_answered(cell, sample)
        if (cell.attention_name, sample) == ("killed once", 1):
            os.kill(waiting(self.killed), signal.SIGKILL)
            self.killed.touch()

    def note(self, text: str) -> None:
        super().note(text)
        if "another run is at it" in text:
            self.lock.release()


@attrs.frozen
class Run:
    """A plan that was done on Ray, what came out, and what comes out on this machine."""

    plan: Plan
    directory: ResultsDirectory
    outcome: Outcome
    heard: list[str]
    local: dict[str, dict[str, bytes]]
    """Of each healthy cell, by its attention."""
    shared: bool

    def files(self, name: str) -> CellFiles:
        """Of the cell with this attention."""
        return self.directory.cell(cell_of(self.plan, name).address)


def odd(name: str, does: str, place: Path) -> dict[str, Any]:
    """Attention that does something odd at sample 2; what waits does so once."""
    return attention(
        name, {"kind": "odd", "does": does, "at": 96, **({"until": str(place / "killed")} if does == "wait" else {})}
    )


def planned(make: MakePlan, directory: ResultsDirectory, place: Path) -> Plan:
    """Cells that are healthy, and two that are not."""
    rows = str(place / "rows.jsonl")
    config = {"tasks": [{"kind": "file", "path": rows, "name": "rows"}], "timeout": {"sample": 15}, "workers": ONE_CPU}
    asked = [
        odd("killed once", "wait", place),
        odd("exits", "exit", place),
        odd("hangs", "hang", place),
        "dense",
        {"name": "half", "maskers": [{"kind": "local", "window": 5}]},
        attention("window"),
        attention("hashed", HASHED),
        {"name": "also hashed", "maskers": [{"kind": "sink", "size": 2}, HASHED]},
    ]
    drawn = [attention("measured", {"kind": "random", "rate": 0.3})]
    return joined(
        make(directory, attention=asked, calibration=LEARN, **config),
        make(directory, attention=drawn, measure={"metrics": ["density", "output_error"], "rate": 0.5}, **config),
    )


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Path:
    place = tmp_path_factory.mktemp("on-ray")
    write_rows(place / "rows.jsonl", ASKED)
    return place


@pytest.fixture(scope="module")
def local(make: MakePlan, place: Path) -> tuple[Plan, ResultsDirectory]:
    """The healthy cells, done by one process on this machine."""
    directory = ResultsDirectory.created(place / "local")
    plan = parts(planned(make, directory, place), *HEALTHY)
    (place / "killed").touch()
    assert execute(plan, directory).exit_code == 0
    return plan, directory


@pytest.fixture(scope="module", params=[True, False], ids=["seen", "unseen"])
def run(
    request: pytest.FixtureRequest,
    ray_here: object,
    make: MakePlan,
    place: Path,
    local: tuple[Plan, ResultsDirectory],
) -> Run:
    """All cells on Ray: one of them was begun by an earlier run, and another run has the lock of another one."""
    directory = ResultsDirectory.created(place / f"ray-{request.param}")
    plan = planned(make, directory, place)
    if not request.param:
        plan = parts(plan, *HEALTHY)  # which costs no workers
    (place / "killed").unlink()
    (place / "killed.waits").unlink(missing_ok=True)
    known = {name: local[1].cell(cell_of(local[0], name).address) for name in HEALTHY}
    begin(known["half"], directory.cell(cell_of(plan, "half").address))
    heard = Meddling(lock=directory.lock(cell_of(plan, "window").address), killed=place / "killed")
    heard.lock.acquire()
    shared: bool = request.param
    outcome = execute_on_ray(plan, directory, heard, workers=4, shared=shared)
    return Run(plan, directory, outcome, heard.events, {name: contents(files) for name, files in known.items()}, shared)


def begin(known: CellFiles, files: CellFiles) -> None:
    """A cell as a run leaves it that was killed while it wrote its third answer."""
    files.path.mkdir(parents=True)
    lines = known.answers.path.read_bytes().splitlines(keepends=True)
    files.answers.path.write_bytes(b"".join(lines[:2]) + lines[2][:9])
    files.times.append(*known.times.read().values[:3])


@pytest.mark.parametrize("name", HEALTHY)
def test_what_comes_out_is_what_comes_out_here(run: Run, name: str) -> None:
    """Answers, scores, measurements and identity to the byte, and no file beside them but the times."""
    files = run.files(name)
    assert contents(files) == run.local[name]
    assert {path.name for path in files.path.iterdir()} == {*run.local[name], "times.jsonl"}
    assert answered(files) == [0, 1, 2, 3, 4]


@pytest.mark.parametrize("name", [name for name in HEALTHY if name != "half"])
def test_no_sample_is_answered_twice(run: Run, name: str) -> None:
    """Each has one line of times, whichever worker wrote it; the worker that was killed had not answered its one."""
    assert Counter(line["sample"] for line in run.files(name).times.read().values) == Counter(range(5))


def test_a_cell_that_was_begun_goes_on(run: Run) -> None:
    """Only what it lacks is asked."""
    told = [text for text in run.heard if text.startswith("half ")]
    assert told == ["half begun with 2", "half answered 2", "half answered 3", "half answered 4", "half complete"]


def test_a_worker_that_is_killed_is_replaced(run: Run) -> None:
    """Another one goes on at the sample that it was at; the note says where the process was and that it died."""
    told = [text for text in run.heard if text.startswith("killed once ")]
    assert told[:3] == ["killed once begun with 0", "killed once answered 0", "killed once answered 1"]
    assert told[3:] == [
        "killed once begun with 2",
        *(f"killed once answered {n}" for n in (2, 3, 4)),
        "killed once complete",
    ]
    (note,) = (text for text in run.heard if text.startswith("needle: killed once"))
    assert ": its worker on " in note
    assert "was lost: its worker process has died" in note
    assert note.endswith(", so another one goes on")


@pytest.mark.parametrize("run", [True], indirect=True, ids=["seen"])
def test_a_cell_that_ends_two_workers_fails(run: Run) -> None:
    """It says so, and what was answered before stays."""
    failure = run.files("exits").failure or {}
    assert failure["error"] == "WorkerLost"
    assert failure["message"].endswith(", 2 times")
    assert failure["sample"] in (2, None), "what a worker says as its last may not be heard"
    assert answered(run.files("exits")) == [0, 1]


@pytest.mark.parametrize("run", [True], indirect=True, ids=["seen"])
def test_a_sample_over_its_time_costs_no_other(run: Run) -> None:
    """Its worker is stopped, and another one answers what is left."""
    files = run.files("hangs")
    assert files.failure == {"error": "SampleTimeout", "message": "it took more than 15 s", "sample": 2}
    assert answered(files) == [0, 1, 3, 4]


def test_a_cell_that_another_run_has_is_looked_at_again(run: Run) -> None:
    """That is told once, and when the other run lets it go it is done."""
    notes = [text for text in run.heard if text.endswith("another run is at it, so it is looked at again later")]
    assert notes == [f"{cell_of(run.plan, 'window')}: another run is at it, so it is looked at again later"]
    assert run.heard.index(notes[0]) < run.heard.index("window begun with 0")


def test_what_maskers_learn_is_fetched_and_sent(run: Run, local: tuple[Plan, ResultsDirectory]) -> None:
    """Learned once, on one worker, and the same to the byte as on this machine."""
    (learned,) = run.plan.calibrations
    here = local[1].calibration(learned.address)
    files = sorted(path.relative_to(here) for path in here.rglob("*") if path.is_file())
    there = run.directory.calibration(learned.address)
    assert sorted(path.relative_to(there) for path in there.rglob("*") if path.is_file()) == files
    assert Path("complete.json") in files
    assert {path: (there / path).read_bytes() for path in files} == {path: (here / path).read_bytes() for path in files}
    assert run.heard.count(f"calibrating {learned}") == 1


def test_every_line_of_the_plan_is_counted(run: Run) -> None:
    """Complete are the healthy ones."""
    outcome = run.outcome
    assert (outcome.complete, outcome.reused, outcome.failed, outcome.incomplete) == (
        len(HEALTHY),
        0,
        len(run.plan.cells) - len(HEALTHY),
        0,
    )
    assert 0 < outcome.model_seconds < outcome.cell_seconds


def test_no_lock_is_left_behind(run: Run) -> None:
    """Neither a lock that is held nor the file by which workers find the directory."""
    for cell in run.plan.cells:
        with run.directory.lock(cell.address).acquire(timeout=0):
            pass
    assert [path for path in (run.directory.path / "locks").iterdir() if path.suffix != ".lock"] == []


def test_workers_that_do_not_see_the_directory_have_their_own(run: Run, workers_place: Path) -> None:
    """Those that were killed could not remove it; those that see the directory have none."""
    own = [path.parent for path in workers_place.rglob("sah-bench.json")]
    assert bool(own) != run.shared
    for path in own:
        shutil.rmtree(path.parent)
