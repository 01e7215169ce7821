"""Hypothesis profiles, the order of the tests, and fixtures that many of them share.

``HYPOTHESIS_PROFILE=thorough`` tries ten times as many examples, ``quick`` a third.
"""

import os
import signal
from collections.abc import Iterator

import pytest
from hypothesis import HealthCheck, settings

from sah_core.compiled.available import numba_missing

settings.register_profile("default", max_examples=100, deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.register_profile("thorough", max_examples=1000, deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.register_profile("quick", max_examples=33, deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile(os.environ.get("HYPOTHESIS_PROFILE", "default"))


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Tests of Ray come last: in a process that has used it, a forked one does not live."""
    items.sort(key=lambda item: "/bench/cluster/" in item.path.as_posix())


@pytest.fixture
def heeding_ctrl_c() -> Iterator[None]:
    """Processes started in the test heed Ctrl-C, even if this one runs in the background and ignores it."""
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    yield
    signal.signal(signal.SIGINT, before)


@pytest.fixture(scope="module", params=["compiled", "gathered"])
def reader(request: pytest.FixtureRequest) -> Iterator[str]:
    """What reads, scores and chooses keys: compiled loops, where numba is installed, and torch; the path's name."""
    name = str(request.param)
    if name == "compiled" and numba_missing() is not None:
        pytest.skip("numba is not installed")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("SAH_COMPILED", "1" if name == "compiled" else "0")
        yield name


@pytest.fixture(scope="module")
def loops() -> Iterator[None]:
    """Compiled loops, whatever the environment says; skipped where numba is not installed."""
    if numba_missing() is not None:
        pytest.skip("numba is not installed")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("SAH_COMPILED", "1")
        yield
