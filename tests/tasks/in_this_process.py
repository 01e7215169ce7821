"""Answer a benchmark in this process, where torch is imported once for all tests, instead of in one of its own."""

from __future__ import annotations

from collections import deque
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from sah_bench import Benchmark
from sah_bench.executor.cell_work import answer_cell
from sah_bench.executor.events import Event
from sah_bench.executor.jobs import CellJob, Job
from sah_bench.executor.worker_process import Setup, make_desk
from sah_bench.executor.workers import Workers
from sah_bench.report.results import Results


class InThisProcess(Workers):
    """One place, whose jobs are done when they are given."""

    free = (0,)

    def __init__(self, directory: Path) -> None:
        self._events: deque[tuple[int, Event]] = deque()
        self._desk = make_desk(Setup(directory, "cpu", 1, 1e9), self._tell)

    def give(self, place: int, job: Job) -> None:
        assert isinstance(job, CellJob)
        self._tell(answer_cell(job, self._desk))

    def wait(self, seconds: float | None) -> list[tuple[int, Event]]:
        return [self._events.popleft() for _ in range(len(self._events))]

    def stop(self, place: int) -> None:
        raise AssertionError("nothing here takes long")

    def close(self) -> None:
        pass

    def _tell(self, event: Event) -> None:
        self._events.append((0, event))


def answered(tasks: Sequence[dict[str, Any]], place: Path, monkeypatch: Any, **settings: Any) -> Results:
    """What comes of asking the embedded model, with dense attention and answers of four tokens, unless said."""
    monkeypatch.setenv("SAH_COMPILED", "0")  # nothing here has to be fast
    config = {
        "version": 1,
        "models": ["needle"],
        "attention": ["dense"],
        "tasks": tasks,
        "generation": {"max_new_tokens": 4},
        "workers": {"devices": ["cpu"], "threads": 1},
        **settings,
    }
    benchmark = Benchmark.from_config(config, place)
    outcome = benchmark.run(workers=InThisProcess(benchmark.directory.path))
    assert outcome.problems == ()
    return benchmark.results
