"""By what keys are coded and scored: compiled loops, where numba is installed, and torch."""

from collections.abc import Iterator

import pytest

from sah_core.compiled.available import numba_missing


@pytest.fixture(scope="module", params=["compiled", "torch"])
def way(request: pytest.FixtureRequest) -> Iterator[str]:
    """Both ways in turn."""
    name = str(request.param)
    if name == "compiled" and numba_missing() is not None:
        pytest.skip("numba is not installed")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("SAH_COMPILED", "1" if name == "compiled" else "0")
        yield name
