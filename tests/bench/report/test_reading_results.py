"""What is read from a results directory: numbers by hand, and files that are missing, damaged or of another kind."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from sah_bench.report.problems import problems
from sah_bench.report.results import read_results
from sah_bench.store.directory import ResultsDirectory
from sah_core.errors import UsageError

Build = Callable[[], Any]


def test_numbers_of_a_cell(build: Build) -> None:
    """Density is attended over visible, times are means with their standard errors, tokens a second the rate of all."""
    building = build()
    building.add("quest", density=0.05, right=[1, 0, 1, 1], seconds=[0.1, 0.2, 0.3, 0.4])
    (cell,) = building.results().cells
    assert cell.status == "complete"
    assert (cell.answered, cell.samples, cell.score, cell.contexts) == (4, 4, 0.75, 2)
    assert cell.density == pytest.approx(0.05)
    assert cell.seconds == pytest.approx(0.25)
    assert cell.seconds_error == pytest.approx(0.0645497224)  # sqrt(((0.15^2 + 0.05^2) * 2) / 3 / 4)
    assert cell.first_token_seconds == pytest.approx(0.125)
    assert cell.context_seconds == 0.5  # the one that was read
    assert cell.tokens_per_second == pytest.approx(16 / 1.0)
    assert (cell.memory_bytes, cell.index_bytes) == (10_000_003, 2048)


def test_beside_dense(build: Build) -> None:
    """The difference from dense attention is taken question by question, its error over contexts, time as a ratio."""
    building = build()
    building.add("dense", right=[1, 1, 1, 1, 0, 1], seconds=0.04)
    building.add("quest", density=0.1, right=[1, 0, 1, 1, 0, 0], seconds=0.03)
    dense, quest = building.results().cells
    assert (dense.density, dense.difference, dense.time_ratio) == (1.0, None, None)
    assert quest.difference == pytest.approx(-1 / 3)  # -1 in the first context, 0 in the second, -1 in the third
    # Residuals by context: -1/3, 2/3, -1/3; sqrt(3 / 2 * 6 / 9) / 6
    assert quest.difference_error == pytest.approx(1 / 6)
    assert quest.time_ratio == pytest.approx(0.75)


def test_dense_of_the_same_questions_alone(build: Build) -> None:
    """Dense attention at another length, task or seed is nothing to compare with."""
    building = build()
    building.add("dense", length=2048)
    building.add("dense", task="needle vote")
    building.add("dense", seed=1)
    building.add("quest", density=0.1)
    assert building.results().cells[-1].difference is None


def test_what_is_not_complete(build: Build) -> None:
    """Incomplete, failed and missing cells are told apart, and each is named in a sentence."""
    building = build()
    building.add("dense")
    building.add("quest", density=0.1, right=[1, 0, None, None], scored=False)
    failing = building.add("pqcache", density=0.1, right=[1, None, None, None], scored=False)
    failing.write_failure({"error": "RequestError", "message": "5000 tokens, and 4096 positions", "sample": 1})
    building.add("magicpig", density=0.1, begun=False)
    results = building.results()
    assert [cell.status for cell in results.cells] == ["complete", "incomplete", "failed", "missing"]
    assert problems(results) == [
        "needle: pqcache from question, needle retrieval at 1024, seed 0: failed with 1 of 4 answered: "
        "sample 1: RequestError: 5000 tokens, and 4096 positions",
        "needle: quest from question, needle retrieval at 1024, seed 0: incomplete: 2 of 4 answered",
        "needle: magicpig from question, needle retrieval at 1024, seed 0: missing: not begun",
    ]


def test_scores_that_failed(build: Build) -> None:
    """A scorer's failure is told, and the answers stay answered."""
    building = build()
    building.add("dense").write_scores({"error": "scorer 'exact' raised ValueError"})
    building.add("quest", density=0.1, scored=False)
    results = building.results()
    assert [cell.status for cell in results.cells] == ["complete", "complete"]
    assert [problem.split(": ", 2)[2] for problem in problems(results)] == [
        "not scored: scorer 'exact' raised ValueError",
        "not scored",
    ]


def test_scores_of_another_scorer(build: Build) -> None:
    """Scores that the plan no longer asks for are not shown."""
    building = build()
    building.add("dense")
    building.lines[0]["scorer"] = "f1"
    (cell,) = building.results().cells
    assert cell.score is None
    assert cell.score_error == "its scores are of 'exact', and the plan asks for 'f1'"


@pytest.mark.parametrize("name", ["cell.json", "scores.json", "failure.json"])
@pytest.mark.parametrize("content", ["{", "[1]", '"text"'])
def test_a_file_that_cannot_be_read(build: Build, name: str, content: str) -> None:
    """Such a file fails its cell with the reason, and the cells beside it stay what they are."""
    building = build()
    files = building.add("quest", density=0.1)
    building.add("dense")
    (files.path / name).write_text(content, encoding="utf-8")
    broken, whole = building.results().cells
    assert broken.status == "failed"
    assert broken.failure.startswith(f"{name} cannot be read: ")
    assert whole.status == "complete"


def test_scores_without_their_fields(build: Build) -> None:
    """Scores of another form fail the cell and name the field."""
    building = build()
    building.add("dense").write_scores({"mean": 0.5})
    (cell,) = building.results().cells
    assert cell.failure == "scores.json cannot be read: it has no 'standard_error'"


def test_damaged_lines(build: Build) -> None:
    """A line that was changed is counted and named, and its sample is not answered."""
    building = build()
    files = building.add("dense", right=[1, 1, 0, 1])
    lines = files.answers.path.read_bytes().replace(b'"v2"', b'"v9"')
    files.answers.path.write_bytes(lines)
    files.set_aside.append({"file": "times.jsonl", "line": 7, "text": "{"})
    results = building.results()
    assert results.cells[0].answered == 3
    assert [problem.split(": ", 2)[2] for problem in problems(results)] == [
        "incomplete: 3 of 4 answered",
        "damaged lines: answers.jsonl:3",
        "damaged lines were set aside, and their samples asked again: times.jsonl:7",
    ]


def test_lines_that_were_written_twice(build: Build) -> None:
    """The first answer of a sample counts, and its last times."""
    building = build()
    files = building.add("quest", density=0.1, right=[1], seconds=0.1)
    again = {"sample": 0, "answer": "other", "tokens": 8, "attended": 90, "visible": 100, "cut": 0}
    files.answers.append(again)
    files.times.append({"sample": 0, "seconds": 0.2, "first_token_seconds": 0.2})
    (cell,) = building.results().cells
    assert (cell.answered, cell.density, cell.seconds, cell.tokens_per_second) == (1, 0.1, 0.2, 20.0)


def test_one_address_under_two_names(build: Build) -> None:
    """Two lines of a plan with one address both show, each under its own labels."""
    building = build()
    building.add("dense")
    building.lines.append({**building.lines[0], "task": "the same again", "seed": 3})
    results = building.results()
    assert [(cell.task, cell.seed, cell.score) for cell in results.cells] == [
        ("needle retrieval", 0, 0.75),
        ("the same again", 3, 0.75),
    ]


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (None, "nothing was asked for yet"),
        ("{", "cannot be read"),
        ("[]", "cannot be read"),
        ('{"name": "x"}', "it has no 'cells'"),
        ('{"name": "x", "cells": [{"address": "00"}]}', "it has no 'samples'"),
    ],
)
def test_a_plan_that_cannot_be_read(tmp_path: Path, content: str | None, said: str) -> None:
    """Without a plan there is nothing to report, which is told in a sentence."""
    directory = ResultsDirectory.created(tmp_path / "results")
    if content is not None:
        (directory.path / "plan.json").write_text(content, encoding="utf-8")
    with pytest.raises(UsageError, match=said):
        read_results(directory)
