"""Files that every test of RULER's tasks may read."""

from __future__ import annotations

import pytest

from .made_files import written


@pytest.fixture(scope="session")
def files(tmp_path_factory: pytest.TempPathFactory) -> dict[str, str]:
    """The paths of essays and questions."""
    return written(tmp_path_factory.mktemp("files"))
