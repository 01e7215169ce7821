"""Everything that can go wrong in a cell, all in one run: the other cells are complete, and each failure is told.

A second run in the same directory tries again what failed, some of which works by then.
"""

from __future__ import annotations

import shutil
from importlib.metadata import version
from pathlib import Path
from typing import Any

import attrs
import pytest
from pyarrow import parquet  # type: ignore[import-untyped]  # pyarrow ships no types

from sah_bench.executor.outcome import Outcome
from sah_bench.executor.rescore import rescore
from sah_bench.plan.plan import Plan
from sah_bench.store.cell_files import CellFiles
from sah_bench.store.directory import ResultsDirectory
from sah_core import Registry

from .plans import Heard, MakePlan, answered, attention, cell_of, execute, joined, needle_copy, parts, write_rows

ASKED = {64: 2, 96: 1, 65: 2}
"""Tokens of each context, and its questions: sample 2 is the one about the context of 96 tokens."""
LONGEST = 70
"""Positions of the small model: room for 64 tokens of context, with 2 of a question and 4 of an answer."""


@attrs.frozen
class Run:
    """A plan that was done, and what came out."""

    plan: Plan
    directory: ResultsDirectory
    outcome: Outcome
    heard: list[str]

    def files(self, name: str) -> CellFiles:
        """Of the cell with this attention."""
        return self.directory.cell(cell_of(self.plan, name).address)

    def problems(self, name: str) -> list[str]:
        """Those that name the cell with this attention, without its name."""
        cell = f"{cell_of(self.plan, name)}: "
        return [problem.removeprefix(cell) for problem in self.outcome.problems if problem.startswith(cell)]


def odd(name: str, does: str, until: Path | None = None) -> dict[str, Any]:
    """Attention that does something odd at sample 2."""
    extra = {} if until is None else {"until": str(until)}
    return attention(name, {"kind": "odd", "does": does, "at": 96, **extra})


def planned(make: MakePlan, directory: ResultsDirectory, place: Path) -> Plan:
    """Cells that are healthy, cells that fail in every way, and cells that recover."""
    tasks = [{"kind": "file", "path": str(write_rows(place / "rows.jsonl", ASKED)), "name": "rows"}]
    unloadable = needle_copy(place / "unloadable")
    (unloadable / "model.safetensors").write_bytes(b"no weights")
    small = str(needle_copy(place / "small", max_position_embeddings=LONGEST))
    faults = [
        "dense",
        attention("window"),
        odd("raises", "raise", place / "repaired"),
        odd("killed once", "kill", place / "killed"),
        odd("exits", "exit"),
        odd("hangs", "hang"),
        {"name": "full disk", "maskers": [{"kind": "sink", "size": 1}, {"kind": "local", "window": 3}]},
    ]
    unscored = {"name": "unscored", "maskers": [{"kind": "local", "window": 5}]}
    measured = {"name": "measured", "maskers": [{"kind": "local", "window": 6}]}
    loaded = [{"name": f"unloadable {number}", "maskers": [{"kind": "local", "window": number}]} for number in (1, 2)]
    return joined(
        make(directory, attention=faults, tasks=tasks, timeout={"sample": 15}),
        make(directory, attention=[unscored], tasks=[{**tasks[0], "scorer": "odd"}]),
        make(directory, attention=[measured], tasks=tasks, measure={"metrics": ["odd", "density"], "rate": 1.0}),
        make(directory, attention=loaded, tasks=tasks, models=[str(unloadable)]),
        make(directory, attention=[attention("refused")], tasks=tasks, models=[small]),
        make(directory, attention=[attention("cut")], tasks=tasks, models=[small], truncate="middle"),
    )


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("faults")


@pytest.fixture(scope="module")
def first(make: MakePlan, place: Path) -> Run:
    """Everything for the first time."""
    directory = ResultsDirectory.created(place / "results")
    plan, heard = planned(make, directory, place), Heard()
    full = directory.cell(cell_of(plan, "full disk").address).path
    (full / "failure.json").mkdir(parents=True)
    (full / "failure.json" / "in the way").touch()
    (full / "answers.jsonl").symlink_to("/dev/full")
    return Run(plan, directory, execute(plan, directory, heard), heard.events)


@pytest.mark.parametrize("name", ["dense", "window", "killed once"])
def test_others_are_complete(first: Run, name: str) -> None:
    """Every sample is answered once, and scored; nothing is told of the cell."""
    files = first.files(name)
    assert answered(files) == [line["sample"] for line in files.times.read().values] == [0, 1, 2, 3, 4]
    assert (files.scores or {})["samples"] == 5
    assert files.failure is None
    assert not first.problems(name)
    assert files.identity == cell_of(first.plan, name).identity


def test_cells_of_one_model_read_a_context_once(first: Run) -> None:
    """The first cell reads each context at its first sample, and the next one none."""
    read = {
        name: [line["sample"] for line in first.files(name).times.read().values if line["context_seconds"] is not None]
        for name in ("dense", "window")
    }
    assert read == {"dense": [0, 2, 3], "window": []}


def test_every_cell_is_counted_and_told(first: Run) -> None:
    """Complete: dense, window, killed once, unscored, measured, cut. Failed: the other seven. The exit code is 1."""
    outcome = first.outcome
    assert (outcome.complete, outcome.reused, outcome.failed, outcome.incomplete) == (6, 0, 7, 0)
    assert outcome.exit_code == 1
    assert first.heard[:7] == ["dense begun with 0", *(f"dense answered {n}" for n in range(5)), "dense complete"]
    assert {text for text in first.heard if text.endswith("failed")} == {
        f"{name} failed"
        for name in ("raises", "exits", "hangs", "full disk", "unloadable 1", "unloadable 2", "refused")
    }


def test_a_sample_that_raises_fails_its_cell(first: Run) -> None:
    """Class, message and sample are recorded, and what was answered before stays."""
    files = first.files("raises")
    assert files.failure == {"error": "LookupError", "message": "an odd masker", "sample": 2}
    assert answered(files) == [0, 1]
    assert first.problems("raises") == ["failed: sample 2: LookupError: an odd masker"]


def test_a_worker_that_is_killed_is_replaced(first: Run) -> None:
    """The new one goes on at the sample that the old one was at."""
    told = first.heard[first.heard.index("killed once begun with 0") :]
    answers, note, begun = told[1:3], told[3], told[4]
    assert answers == ["killed once answered 0", "killed once answered 1"]
    assert note.endswith("its worker was killed by SIGKILL, so another one goes on")
    assert begun == "killed once begun with 2"


def test_a_cell_that_ends_two_workers_fails(first: Run) -> None:
    """How they ended is named, and at which sample."""
    failure = {"error": "WorkerLost", "message": "its worker ended with exit code 3, 2 times", "sample": 2}
    assert first.files("exits").failure == failure
    assert answered(first.files("exits")) == [0, 1]


def test_a_sample_over_its_time_costs_no_other(first: Run) -> None:
    """It is recorded; the samples after it are answered, and those that are answered are scored."""
    files = first.files("hangs")
    assert files.failure == {"error": "SampleTimeout", "message": "it took more than 15 s", "sample": 2}
    assert answered(files) == [0, 1, 3, 4]
    assert [score is None for score in (files.scores or {})["by_sample"]] == [False, False, True, False, False]


def test_a_full_disk_fails_its_cell_alone(first: Run) -> None:
    """The reason is told, also where it cannot be written down."""
    failed, unwritten = sorted(first.problems("full disk"))
    assert failed == "failed: sample 0: OSError: [Errno 28] No space left on device"
    assert unwritten.startswith("its failure cannot be written either: ")


def test_a_scorer_that_raises_costs_no_answer(first: Run) -> None:
    """The cell is answered, what the scorer did stands where its scores would be, and in the problems."""
    files = first.files("unscored")
    said = "scorer 'odd' of sah-test-odd 1.0 raised LookupError on sample 0: an odd scorer"
    assert answered(files) == [0, 1, 2, 3, 4]
    assert files.scores == {"error": said}
    assert files.failure is None
    assert first.problems("unscored") == [f"answered, and not scored: {said}"]


def test_a_metric_that_raises_costs_neither_an_answer_nor_another_metric(first: Run) -> None:
    """The other one is measured at every sample, and the failure is told."""
    files = first.files("measured")
    assert answered(files) == [0, 1, 2, 3, 4]
    table = parquet.read_table(files.measurements)
    assert set(table["metric"].to_pylist()) == {"density"}
    assert sorted(set(table["sample"].to_pylist())) == [0, 1, 2, 3, 4]
    assert not files.measurements_of(0).parent.exists()
    (problem,) = first.problems("measured")
    assert problem.startswith("5 of its samples lack a metric: metric 'odd' failed at sample 0, ")
    assert problem.endswith("LookupError: an odd metric")


def test_a_model_that_cannot_be_loaded_fails_all_its_cells(first: Run) -> None:
    """In the same words; nothing is asked."""
    one, other = first.files("unloadable 1"), first.files("unloadable 2")
    assert one.failure == other.failure
    assert "cannot be loaded" in (one.failure or {})["message"] or "Safetensor" in (one.failure or {})["error"]
    assert not answered(one)


def test_a_context_that_is_too_long_is_refused(first: Run) -> None:
    """Before anything is answered, in a sentence with all the numbers and the way out."""
    assert not answered(first.files("refused"))
    assert first.problems("refused") == [
        "failed: RequestError: sample 2: a context of 96 tokens, with 6 for question and answer, is longer than the 70 "
        "positions of the model: shorten it, or leave out its middle with --truncate middle"
    ]


def test_a_context_that_is_too_long_is_cut_on_request(first: Run) -> None:
    """70 positions less 6 leave 64 of its 96 tokens, and of the 65 of the last one; the answers say so."""
    assert [line["cut"] for line in first.files("cut").answers.read().values] == [0, 0, 32, 1, 1]
    assert [line["context_tokens"] for line in first.files("cut").times.read().values] == [64] * 5


# -- the second run ----------------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def second(first: Run, place: Path) -> Run:
    """Some of it again, with causes removed, and with two lines damaged that were whole."""
    (place / "repaired").touch()
    full = first.files("full disk")
    shutil.rmtree(full.path / "failure.json")
    full.answers.path.unlink()
    damage(first.files("dense").answers.path, b'"sample": 1', b'"sample": 3')
    damage(first.files("window").times.path, b'"worker": "cpu"', b'"worker": "gpu"')
    (first.files("killed once").path / "scores.json").write_text("{")
    first.files("cut").write_scores({**(first.files("cut").scores or {}), "version": "0.0", "mean": 7})
    names = ("dense", "window", "raises", "killed once", "full disk", "unscored", "measured", "cut")
    plan, heard = parts(first.plan, *names), Heard()
    return Run(plan, first.directory, execute(plan, first.directory, heard), heard.events)


def damage(path: Path, before: bytes, after: bytes) -> None:
    """Change the first place where a file says something."""
    content = path.read_bytes()
    assert before in content
    path.write_bytes(content.replace(before, after, 1))


def test_a_damaged_answer_is_set_aside_and_made_again(first: Run, second: Run) -> None:
    """Named by file and line; the answers end as they were, and their samples in order."""
    files = second.files("dense")
    (problem,) = second.problems("dense")
    assert problem == f"{files.answers.path}:2 was damaged, and is set aside in set-aside.jsonl"
    assert [line["line"] for line in files.set_aside.read().values] == [2]
    assert answered(files) == [0, 1, 2, 3, 4]
    assert [text for text in second.heard if text.startswith("dense")] == [
        "dense begun with 4",
        "dense answered 1",
        "dense complete",
    ]
    assert second.outcome.exit_code == 1


def test_damaged_times_cost_no_answer(second: Run) -> None:
    """They are set aside, and nothing is asked again."""
    (problem,) = second.problems("window")
    assert problem.endswith("times.jsonl:1 was damaged, and is set aside in set-aside.jsonl")
    assert [text for text in second.heard if text.startswith("window")] == ["window reused"]


def test_what_failed_is_tried_again(second: Run) -> None:
    """It goes on where it failed, and nothing reminds of the failure when it is complete."""
    for name, before in (("raises", 2), ("full disk", 0)):
        assert f"{name} begun with {before}" in second.heard
        assert f"{name} complete" in second.heard
        assert answered(second.files(name)) == [0, 1, 2, 3, 4]
        assert second.files(name).failure is None
        assert not second.problems(name)


def test_scores_that_are_missing_are_made_without_the_model(first: Run, second: Run) -> None:
    """Damaged ones, those of another version of the scorer, and those that it did not give: nothing is asked."""
    assert (second.files("killed once").scores or {})["samples"] == 5
    assert 0 <= (second.files("cut").scores or {})["mean"] <= 1
    assert (second.files("cut").scores or {})["version"] == version("sah-bench")
    assert second.problems("unscored") == first.problems("unscored")
    asked = {text.rpartition(" begun")[0] for text in second.heard if " begun with" in text}
    assert asked == {"dense", "raises", "full disk"}


def test_what_is_complete_is_reused(first: Run, second: Run) -> None:
    """Nothing of it is asked; what it lacks is told as before."""
    assert "measured reused" in second.heard
    assert second.problems("measured") == first.problems("measured")
    assert second.outcome.reused == 2
    assert second.outcome.complete == 6


def test_answers_are_scored_again_without_any_model(second: Run, odd_registry: Registry) -> None:
    """Every cell of the last plan that has answers gets the scores that it had; a scorer that raises is named."""
    known = {cell.attention_name: second.directory.cell(cell.address) for cell in second.plan.cells}
    before = {name: (files.path / "scores.json").read_bytes() for name, files in known.items()}
    for files in known.values():
        (files.path / "scores.json").unlink()
    scored, problems = rescore(second.directory, odd_registry)
    assert scored == 7
    (problem,) = problems
    assert "(unscored, rows): not scored: scorer 'odd'" in problem
    assert {name: (files.path / "scores.json").read_bytes() for name, files in known.items()} == before


def test_a_run_that_was_killed_while_it_finished_is_finished(second: Run) -> None:
    """Whichever of a cell's last steps were done, the others are, without the model, and the files end as they were."""
    files = second.files("measured")
    before = {
        name: (files.path / name).read_bytes() for name in ("answers.jsonl", "measurements.parquet", "scores.json")
    }
    first, *others = files.answers.read().values
    files.answers.rewrite([*others, first])
    files.measurements_of(0).parent.mkdir()
    files.measurements_of(0).write_bytes(b"what is left of them")
    files.write_failure({"error": "LookupError", "message": "of an earlier run", "sample": None})
    (files.path / "scores.json").unlink()
    heard = Heard()
    assert execute(parts(second.plan, "measured"), second.directory, heard).complete == 1
    assert heard.events == ["measured complete"]
    assert {name: (files.path / name).read_bytes() for name in before} == before
    assert not files.measurements_of(0).parent.exists()
    assert files.failure is None
