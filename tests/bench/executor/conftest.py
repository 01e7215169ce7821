"""An odd plugin, installed beside what is, and how plans are made."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from sah_bench.config.load import load_bench
from sah_bench.plan.plan import Plan, make_plan
from sah_bench.store.directory import ResultsDirectory
from sah_core import Registry

from .plans import ONE_CPU, MakePlan


@pytest.fixture(scope="module")
def odd_registry(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Registry]:
    """What is installed and, beside it, `sah-test-odd`, which worker processes find on this process's path."""
    folder = Path(__file__).parent / "odd_plugin"
    place = tmp_path_factory.mktemp("installed")
    info = place / "sah_test_odd-1.0.dist-info"
    info.mkdir()
    (info / "METADATA").write_text("Metadata-Version: 2.1\nName: sah-test-odd\nVersion: 1.0\n")
    (info / "entry_points.txt").write_text("[sah]\nodd = sah_test_odd\n")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("SAH_COMPILED", "0")  # workers that compile loops first are slow, and some tests are of timeouts
        patch.syspath_prepend(folder)
        patch.syspath_prepend(place)
        yield Registry()
    sys.modules.pop("sah_test_odd", None)


@pytest.fixture(scope="module")
def make(odd_registry: Registry) -> MakePlan:
    """Make the plan of a config for a directory of results; what it does not say is small."""

    def made(directory: ResultsDirectory, **config: Any) -> Plan:
        given = {"version": 1, "models": ["needle"], "workers": ONE_CPU, **config}
        return make_plan(load_bench(given, odd_registry), directory, odd_registry)

    return made


@pytest.fixture
def results(tmp_path: Path) -> ResultsDirectory:
    """A directory of results in which nothing was done yet."""
    return ResultsDirectory.created(tmp_path / "results")
