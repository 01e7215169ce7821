"""Workers that stay for a second run, room on a cluster, and models that are not what was planned with."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from tests.bench.executor.plans import (
    Heard,
    MakePlan,
    answered,
    attention,
    cell_of,
    execute,
    joined,
    needle_copy,
    parts,
)

from sah_bench.config.sections import RayConfig
from sah_bench.executor.executor import BenchmarkExecutor
from sah_bench.store.directory import ResultsDirectory
from sah_core.errors import SahError, UsageError

from .on_ray import contents, workers

SMALL: dict[str, Any] = {"tasks": [{"kind": "needle", "samples": 4, "questions": 2, "spacing": 8}], "lengths": [64]}


def test_workers_serve_two_runs(ray_here: object, make: MakePlan, results: ResultsDirectory, tmp_path: Path) -> None:
    """The second one finds model and contexts read; a model whose files were changed meanwhile fails its cell.

    Nothing is fetched twice, and what comes out is what comes out on this machine.
    """
    from sah_bench.cluster.ray_workers import RayWorkers

    copy = needle_copy(tmp_path / "copy")
    plan = joined(
        make(results, attention=["dense", attention("window")], **SMALL),
        make(results, attention=[attention("changed")], models=[str(copy)], **SMALL),
    )
    (copy / "config.json").write_text(json.dumps({**json.loads((copy / "config.json").read_text()), "changed": True}))
    heard = Heard()
    with RayWorkers.open(workers(workers=1, shared=False), results) as there:
        assert there.kind == "cpu"
        for names in (["dense"], ["dense", "window"], ["changed"]):
            outcome = BenchmarkExecutor(parts(plan, *names), results, there, heard).run()
    assert [text for text in heard.events if "answered" not in text] == [
        "dense begun with 0",
        "dense complete",
        "dense reused",
        "window begun with 0",
        "window complete",
        "changed failed",
    ]
    read = [
        [line["context_seconds"] is not None for line in results.cell(cell_of(plan, name).address).times.read().values]
        for name in ("dense", "window")
    ]
    assert read == [[True, False, True, False], [False] * 4]
    changed = cell_of(plan, "changed")
    (problem,) = outcome.problems
    assert problem.startswith(f"{changed}: failed: UsageError: {copy} on ")
    assert problem.endswith("has other files than on the machine that planned: copy them there")
    assert (results.cell(changed.address).failure or {})["error"] == "UsageError"
    assert answered(results.cell(changed.address)) == []
    local = ResultsDirectory.created(tmp_path / "local")
    execute(parts(plan, "dense", "window"), local)
    for name in ("dense", "window"):
        address = cell_of(plan, name).address
        assert contents(results.cell(address)) == contents(local.cell(address))


def test_a_worker_that_dies_without_a_job_is_replaced(ray_here: Any, make: MakePlan, results: ResultsDirectory) -> None:
    """It costs no cell, and no note: nothing was being done."""
    from sah_bench.cluster.ray_workers import RayWorkers

    plan, heard = make(results, attention=["dense"], **SMALL), Heard()
    with RayWorkers.open(workers(workers=1), results) as there:
        assert there.kind == "cpu"
        (place,) = there.free
        there.stop(place)
        while list(there.free):
            there.wait(None)
        assert BenchmarkExecutor(plan, results, there, heard).run().complete == 1
    assert heard.events == ["dense begun with 0", *(f"dense answered {n}" for n in range(4)), "dense complete"]


def test_workers_that_are_closed_are_no_more(ray_here: Any, results: ResultsDirectory) -> None:
    """Closing twice is as good as once; who waits for them is told that there are none."""
    from sah_bench.cluster.ray_workers import RayWorkers

    there = RayWorkers(workers(workers=2), results)
    there.close()
    there.close()
    assert list(there.free) == []
    with pytest.raises(SahError):
        there.wait(None)


# -- room --------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("asked", "room"),
    [
        ({}, 4),
        ({"cpus": 2}, 2),
        ({"cpus": 3}, 1),
        ({"cpus": 0.5}, 8),
        ({"cpus": 0.1}, 40),
        ({"cpus": 0, "workers": 7}, 7),
        ({"gpus": 1, "workers": 2}, 2),
    ],
)
def test_as_many_workers_as_there_is_room_for(ray_here: object, asked: dict[str, Any], room: int) -> None:
    """Of the 4 CPUs; a number that is given is taken as it is, as clusters grow."""
    from sah_bench.cluster.room import check_room

    assert check_room(RayConfig(**asked)) == room


@pytest.mark.parametrize(
    ("asked", "said"),
    [
        ({"cpus": 5}, "it takes CPU 5, and the nodes have CPU 4"),
        ({"gpus": 1}, "it takes CPU 1, GPU 1, and the nodes have CPU 4, GPU 0"),
        ({"memory": 1e6}, r"it takes CPU 1, memory 1e\+15, and the nodes have CPU 4, memory "),
        ({"accelerator": "H100"}, "accelerator_type:H100 0.001, and the nodes have CPU 4, accelerator_type:H100 0"),
        ({"cpus": 0}, "a worker that takes nothing finds room without end: say how many workers there are"),
    ],
)
def test_a_worker_for_which_there_is_no_room(ray_here: object, asked: dict[str, Any], said: str) -> None:
    """It is told what one takes, and what the nodes have."""
    from sah_bench.cluster.room import check_room

    with pytest.raises(UsageError, match=said):
        check_room(RayConfig(**asked))


def test_a_cluster_without_room_is_waited_for_as_long_as_the_config_says(
    ray_here: object, results: ResultsDirectory
) -> None:
    """Then the run ends, and says after how long."""
    from sah_bench.cluster.ray_workers import RayWorkers

    with (
        RayWorkers.open(workers(workers=1, cpus=64, patience=2), results) as there,
        pytest.raises(SahError, match=r"^the Ray cluster had room for no worker in 2 s \(workers\.ray\.patience\); "),
    ):
        there.kind  # noqa: B018 - it waits for the first worker
