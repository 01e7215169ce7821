"""A Ray cluster on this machine that a module's tests share, with an odd plugin beside what is installed."""

from __future__ import annotations

import os
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from tests.bench.executor.conftest import make, odd_registry, results

__all__ = ["alone", "make", "odd_registry", "ray_here", "results", "workers_place"]


@pytest.fixture(scope="module")
def alone() -> Iterator[None]:
    """What starts Ray in the test reports nothing to anybody, and writes nothing into the user's folder."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("RAY_USAGE_STATS_ENABLED", "0")
        patch.setenv("RAY_AUTH_TOKEN", "0" * 64)  # else Ray makes one, and keeps it in the home directory
        yield


@pytest.fixture(scope="module")
def workers_place(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Where workers make folders of their own."""
    return tmp_path_factory.mktemp("workers")


@pytest.fixture(scope="module")
def ray_here(alone: None, odd_registry: object, workers_place: Path) -> Iterator[Any]:
    """A cluster with 4 CPUs, whatever this machine has; its workers find what this process finds."""
    ray: Any = pytest.importorskip("ray")
    options = {"include_dashboard": False, "log_to_driver": False, "configure_logging": False}
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("RAY_TMPDIR", tempfile.gettempdir())  # sockets want a short path
        patch.setenv("TMPDIR", str(workers_place))
        patch.setenv("PYTHONPATH", os.pathsep.join(sys.path))
        ray.init(address="local", num_cpus=4, num_gpus=0, object_store_memory=100_000_000, **options)
    yield ray
    ray.shutdown()
