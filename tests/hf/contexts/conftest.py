"""No loops are compiled here, in this process or in others: that takes longer than all of these tests."""

from __future__ import annotations

import pytest


@pytest.fixture(autouse=True)
def nothing_compiled(monkeypatch: pytest.MonkeyPatch) -> None:
    """Keys are scored by torch."""
    monkeypatch.setenv("SAH_COMPILED", "0")
