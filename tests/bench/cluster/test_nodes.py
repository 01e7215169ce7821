"""A cluster of several nodes: one that goes away with its worker, one with other packages, and one out of reach."""

from __future__ import annotations

import os
import re
import socket
import sys
from collections.abc import Iterator
from importlib.metadata import version
from pathlib import Path
from typing import Any

import attrs
import pytest
from filelock import FileLock
from tests.bench.executor.plans import ONE_CPU, Heard, MakePlan, answered, attention, cell_of, write_rows

from sah_bench.config.sections import RayConfig
from sah_bench.plan.cell import Cell
from sah_bench.store.directory import ResultsDirectory
from sah_core.errors import UsageError

from .on_ray import execute_on_ray, waiting

pytest.importorskip("ray")
QUICK = {"health_check_initial_delay_ms": 0, "health_check_period_ms": 500, "health_check_failure_threshold": 2}
"""How soon a node that says nothing is taken for dead."""


@attrs.define
class Removing(Heard):
    """A listener that takes a node away amid a question and, when its worker has ended, adds another one."""

    cluster: Any = attrs.field(kw_only=True)
    node: Any = attrs.field(kw_only=True)
    until: Path = attrs.field(kw_only=True)
    lock: FileLock = attrs.field(kw_only=True)
    """Of the cell, which the worker holds as long as it lives."""

    def sample_answered(self, cell: Cell, sample: int) -> None:
        super().sample_answered(cell, sample)
        if sample == 1:
            waiting(self.until)
            self.cluster.remove_node(self.node, allow_graceful=False)
            with self.lock.acquire(timeout=60):
                self.until.touch()
            self.cluster.add_node(num_cpus=1)


@pytest.fixture(scope="module")
def cluster(alone: None, odd_registry: object) -> Iterator[Any]:
    """A head that takes no workers."""
    import ray
    from ray.cluster_utils import Cluster

    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("PYTHONPATH", os.pathsep.join(sys.path))
        patch.setenv("RAY_worker_niceness", "0")  # else workers wait for other tests
        head = {"num_cpus": 0, "include_dashboard": False, "object_store_memory": 100_000_000}
        cluster: Any = Cluster(initialize_head=True, head_node_args={**head, "_system_config": QUICK})
        yield cluster
        ray.shutdown()
        cluster.shutdown()


def test_a_node_that_goes_away_costs_nothing(
    cluster: Any, make: MakePlan, results: ResultsDirectory, tmp_path: Path
) -> None:
    """Another one goes on where its worker was, as soon as there is one."""
    until = tmp_path / "until"
    rows = str(write_rows(tmp_path / "rows.jsonl", {64: 2, 96: 1, 65: 2}))
    waits = attention("waits", {"kind": "odd", "does": "wait", "at": 96, "until": str(until)})
    plan = make(results, attention=[waits], tasks=[{"kind": "file", "path": rows}], workers=ONE_CPU)
    node = cluster.add_node(num_cpus=1)
    lock = results.lock(cell_of(plan, "waits").address)
    heard = Removing(cluster=cluster, node=node, until=until, lock=lock)
    outcome = execute_on_ray(plan, results, heard, address=cluster.address)
    assert (outcome.complete, outcome.problems) == (1, ())
    assert [text for text in heard.events if text.startswith("waits ")] == [
        "waits begun with 0",
        "waits answered 0",
        "waits answered 1",
        "waits begun with 2",
        *(f"waits answered {n}" for n in (2, 3, 4)),
        "waits complete",
    ]
    assert answered(results.cell(cell_of(plan, "waits").address)) == [0, 1, 2, 3, 4]


def test_a_node_with_other_packages_is_refused(cluster: Any, tmp_path: Path) -> None:
    """It is named with what differs, and both versions; the other nodes of the same machine are no excuse."""
    from sah_bench.cluster.connection import connected

    info = tmp_path / "sah_bench-0.0.9.dist-info"
    info.mkdir()
    (info / "METADATA").write_text("Metadata-Version: 2.1\nName: sah-bench\nVersion: 0.0.9\n")
    path = os.pathsep.join([str(tmp_path), *sys.path])
    cluster.add_node(num_cpus=1, env_vars={"PYTHONPATH": path})
    said = re.escape(f"has other packages than this machine: sah-bench 0.0.9 ({version('sah-bench')} here); install")
    node = rf"^node {re.escape(socket.gethostname())} \([0-9.]+:[0-9]+\) of the Ray cluster "
    with (
        pytest.raises(UsageError, match=f"{node}{said}"),
        connected(RayConfig(address=cluster.address)),
    ):
        pass


def test_an_address_at_which_nobody_listens_is_named_at_once() -> None:
    """With what addresses look like; Ray would look for minutes."""
    from sah_bench.cluster.connection import connected

    with socket.create_server(("127.0.0.1", 0)) as server:
        port = server.getsockname()[1]
    for address in (f"127.0.0.1:{port}", f"ray://127.0.0.1:{port}"):
        with (
            pytest.raises(UsageError, match=f"^the Ray cluster at '{address}' cannot be reached: .*refused; --address"),
            connected(RayConfig(address=address)),
        ):
            pass
