"""Two workers, a calibration, cells that are the same work, and a cell that is given up: one run of all of them."""

from __future__ import annotations

import attrs
import pytest

from sah_bench.executor.outcome import Outcome
from sah_bench.plan.plan import Plan
from sah_bench.store.directory import ResultsDirectory

from .plans import Heard, MakePlan, answered, attention, cell_of, execute, joined, needle_copy

HASHED = attention("hashed", {"kind": "hashattention", "weights": "$calibrated"})
LEARN = {
    "maskers": [{"kind": "hashattention"}],
    "tasks": [{"kind": "needle", "samples": 2, "questions": 2, "spacing": 8}],
    "length": 64,
}


@attrs.frozen
class Run:
    """A plan that was done, and what came out."""

    plan: Plan
    directory: ResultsDirectory
    outcome: Outcome
    heard: list[str]


@pytest.fixture(scope="module")
def run(make: MakePlan, tmp_path_factory: pytest.TempPathFactory) -> Run:
    place = tmp_path_factory.mktemp("runs")
    directory = ResultsDirectory.created(place / "results")
    needle = {
        "tasks": [{"kind": "needle", "samples": 4, "questions": 2, "spacing": 8}],
        "lengths": [64],
        "workers": {"devices": ["cpu", "cpu"], "threads": 1},
    }
    unloadable = needle_copy(place / "unloadable")
    (unloadable / "model.safetensors").write_bytes(b"no weights")
    hangs = attention("hangs", {"kind": "odd", "does": "hang", "at": 64})
    asked = [hangs, "dense", attention("window"), HASHED, {**attention("window"), "name": "the same"}]
    plan = joined(
        make(directory, attention=asked, calibration=LEARN, timeout={"sample": 15, "cell": 22}, **needle),
        make(
            directory,
            attention=[{**HASHED, "name": "unlearned"}],
            calibration=LEARN,
            models=[str(unloadable)],
            **needle,
        ),
    )
    heard = Heard()
    return Run(plan, directory, execute(plan, directory, heard), heard.events)


def test_every_line_of_the_plan_is_counted(run: Run) -> None:
    """Complete: dense, window, hashed, the same. Incomplete: hangs. Failed: unlearned."""
    outcome = run.outcome
    assert (outcome.complete, outcome.reused, outcome.failed, outcome.incomplete) == (4, 0, 1, 1)
    assert outcome.exit_code == 1


def test_cells_that_are_the_same_work_are_done_once(run: Run) -> None:
    """They have one address, and the first name in the plan is told."""
    assert cell_of(run.plan, "window").address == cell_of(run.plan, "the same").address
    assert run.heard.count("window complete") == 1
    assert not [text for text in run.heard if text.startswith("the same")]


def test_a_cell_over_its_time_is_given_up(run: Run) -> None:
    """With all its workers together: the first one's 15 s with sample 0 leave 7 s for the second one with sample 1.

    It is incomplete, says why and where it was, and its place goes on with other cells.
    """
    files = run.directory.cell(cell_of(run.plan, "hangs").address)
    assert not answered(files)
    assert files.failure == {"error": "CellTimeout", "message": "it took more than 22 s", "sample": 1}
    assert (
        f"{cell_of(run.plan, 'hangs')}: incomplete: sample 1: CellTimeout: it took more than 22 s"
        in run.outcome.problems
    )


def test_a_cell_waits_for_its_calibration(run: Run) -> None:
    """What its masker learned is there when it begins."""
    learned, failed = run.plan.calibrations
    assert run.heard.index(f"calibrating {learned}") < run.heard.index("hashed begun with 0")
    folder = run.directory.calibration(learned.address)
    assert (folder / "complete.json").exists()
    assert (folder / "hashattention").is_dir()
    assert not (run.directory.calibration(failed.address) / "complete.json").exists()


def test_a_calibration_that_fails_fails_the_cells_that_need_it(run: Run) -> None:
    """It is named once, and each of its cells says why it was not asked."""
    _, failed = run.plan.calibrations
    (told,) = (problem for problem in run.outcome.problems if problem.startswith(str(failed)))
    files = run.directory.cell(cell_of(run.plan, "unlearned").address)
    assert (files.failure or {})["error"] == "CalibrationFailed"
    assert (files.failure or {})["message"] == f"needs a calibration that failed: {told.removeprefix(f'{failed}: ')}"
    assert not answered(files)


def test_overhead_is_counted(run: Run) -> None:
    """All of a cell's time holds the adapter's."""
    assert 0 < run.outcome.model_seconds < run.outcome.cell_seconds


def test_what_is_done_is_not_done_again(run: Run) -> None:
    """Complete cells are found without any worker, and nothing is written but the plan."""
    done = attrs.evolve(
        run.plan, cells=tuple(cell for cell in run.plan.cells if cell.attention_name not in ("hangs", "unlearned"))
    )
    before = {path: path.stat().st_mtime_ns for path in run.directory.path.rglob("*") if path.is_file()}
    heard = Heard()
    outcome = execute(done, run.directory, heard)
    assert (outcome.reused, outcome.exit_code, outcome.cell_seconds) == (4, 0, 0)
    assert heard.events == ["dense reused", "window reused", "hashed reused"]
    after = {path: path.stat().st_mtime_ns for path in run.directory.path.rglob("*") if path.is_file()}
    assert {path.name for path in after if after[path] != before.get(path)} == {"plan.json"}


def test_times_say_what_each_sample_took(run: Run) -> None:
    """Seconds of it, and bytes: the context's keys and values, its indexes, and the peak; reading it counts once."""
    lines = {
        name: run.directory.cell(cell_of(run.plan, name).address).times.read().values for name in ("dense", "hashed")
    }
    for line in [*lines["dense"], *lines["hashed"]]:
        assert 0 < line["first_token_seconds"] <= line["seconds"]
        assert (line["context_tokens"], line["question_tokens"], line["worker"]) == (64, 2, "cpu")
        assert line["memory_bytes"] > 2**27
    assert [line["index_bytes"] for line in lines["dense"]] == [None] * 4
    assert all(line["index_bytes"] > 0 for line in lines["hashed"])
    assert {line["context_bytes"] for line in lines["dense"]} == {64 * 4 * 2 * 2 * 64 * 4}, "layers, KV heads, k and v"
    read = [(line["context_seconds"], line["context_memory_bytes"]) for line in lines["dense"]]
    assert [None not in each for each in read] == [True, False, True, False]
    assert all(line["context_seconds"] is None for line in lines["hashed"]), "the contexts had been read for dense"
