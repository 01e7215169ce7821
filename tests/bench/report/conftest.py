"""Results directories, written through the store as a run writes them."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import pytest

from sah_bench.plan.cell import address_of
from sah_bench.report.results import Results, read_results
from sah_bench.report.write import write_report
from sah_bench.store.cell_files import CellFiles
from sah_bench.store.directory import ResultsDirectory


class Building:
    """A directory of results that grows by a cell at a time."""

    def __init__(self, path: Path) -> None:
        self.directory = ResultsDirectory.created(path)
        self.lines: list[dict[str, Any]] = []

    def add(
        self,
        attention: str = "dense",
        *,
        right: Sequence[float | None] = (1, 1, 0, 1),
        questions: int = 2,
        density: float | None = None,
        seconds: Sequence[float] | float = 0.02,
        task: str = "needle retrieval",
        length: int | None = 1024,
        seed: int = 0,
        protocol: str | None = None,
        model: str = "needle",
        swept: Mapping[str, Any] | None = None,
        samples: int | None = None,
        maskers: Sequence[Mapping[str, Any]] = ({"kind": "sink", "size": 4},),
        begun: bool = True,
        scored: bool = True,
    ) -> CellFiles:
        """A cell with these scores, ``questions`` of them about each context; None in ``right``: not answered.

        ``density`` None is dense attention; ``begun`` false writes the plan's line alone.
        """
        samples = len(right) if samples is None else samples
        config = None if density is None else {"kind": "efficient", "maskers": list(maskers), "seed": seed}
        protocol = protocol or ("dense" if density is None else "question")
        table = f"{task} {length} {seed}"
        identity = {
            "model": {"files": "0f" * 32, "dtype": "float32", "device": "cpu"},
            "attention": config,
            "attention name": attention,
            "protocol": protocol,
            "generation": {"max_new_tokens": 8},
            "truncate": "refuse",
            "table": table,
            "versions": {"sah-core": "0.1.0", "torch": "2.13.0"},
            "measure": None,
            "format": 1,
        }
        line = {
            "address": address_of(identity),
            "model": model,
            "attention": attention,
            "swept": dict(swept or {}),
            "protocol": protocol,
            "task": task,
            "length": length,
            "seed": seed,
            "samples": samples,
            "table": table,
            "scorer": "exact",
        }
        self.lines.append(line)
        files = self.directory.cell(str(line["address"]))
        if begun:
            files.write_identity(identity)
            self._answer(files, right, density, seconds)
            if scored:
                files.write_scores(scores_of(right, questions))
        return files

    def _answer(
        self, files: CellFiles, right: Sequence[float | None], density: float | None, seconds: Sequence[float] | float
    ) -> None:
        answered = [sample for sample, score in enumerate(right) if score is not None]
        took = seconds if isinstance(seconds, Sequence) else [seconds] * len(right)
        if not answered:
            return
        files.times.append(
            *(
                {
                    "sample": sample,
                    "context_tokens": 1024,
                    "question_tokens": 8,
                    "context_seconds": 0.5 if sample == 0 else None,
                    "first_token_seconds": took[sample] / 2,
                    "seconds": took[sample],
                    "index_bytes": 2048,
                    "memory_bytes": 10_000_000 + sample,
                    "worker": 0,
                }
                for sample in answered
            )
        )
        files.answers.append(
            *(
                {
                    "sample": sample,
                    "answer": f"v{sample}",
                    "tokens": 4,
                    "attended": None if density is None else round(density * 100_000),
                    "visible": None if density is None else 100_000,
                    "cut": 0,
                }
                for sample in answered
            )
        )

    def finished(self, name: str = "a benchmark") -> ResultsDirectory:
        """Write the plan; the directory."""
        self.directory.write_plan(
            {"name": name, "benchmark": {"version": 1, "models": ["needle"]}, "cells": self.lines}
        )
        return self.directory

    def results(self) -> Results:
        """Write the plan, and read everything."""
        return read_results(self.finished())


def scores_of(right: Sequence[float | None], questions: int) -> dict[str, Any]:
    """``scores.json``: the errors in it are not what the tests look at, and are 0.05."""
    known = [float(score) for score in right if score is not None]
    return {
        "scorer": "exact",
        "distribution": "sah-bench",
        "version": "0.1.0",
        "mean": sum(known) / len(known) if known else None,
        "standard_error": 0.05,
        "samples": len(known),
        "contexts": -(-len(right) // questions),
        "by_sample": list(right),
        "context_of": [sample // questions for sample in range(len(right))],
    }


@pytest.fixture
def build(tmp_path: Path) -> Callable[[], Building]:
    """Begin a directory of results."""
    return lambda: Building(tmp_path / "results")


def small_benchmark(building: Building) -> Building:
    """Dense attention and three methods on two tasks and two lengths; one cell failed, one is missing."""
    for task in ("needle retrieval", "needle vote"):
        for length in (1024, 4096):
            building.add("dense", task=task, length=length, right=[1, 1, 1, length == 1024], seconds=0.04)
            for method in ("quest", "pqcache", "magicpig"):
                for density in (0.02, 0.1):
                    building.add(
                        f"{method} budget={density}",
                        density=density * (1.2 if method == "quest" else 1),
                        swept={"budget": density},
                        right=[1, 0, 1, 1 if density > 0.05 else 0],
                        task=task,
                        length=length,
                        seconds=0.01 + density / 10,
                        maskers=[{"kind": "sink", "size": 4}, {"kind": method, "budget": density}],
                    )
    failing = building.add("quest fails", density=0.1, right=[1, None, None, None], length=4096, scored=False)
    failing.write_failure({"error": "RequestError", "message": "too long by 12 tokens", "sample": 1})
    building.add("not begun", density=0.1, begun=False)
    return building


@pytest.fixture
def small(build: Callable[[], Building]) -> Building:
    """A small benchmark that the test may change."""
    return small_benchmark(build())


@pytest.fixture(scope="session")
def path(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The page of the small benchmark."""
    building = small_benchmark(Building(tmp_path_factory.mktemp("page") / "results"))
    (written,) = write_report(building.finished("A small benchmark"))
    return written
