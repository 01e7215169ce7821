"""What ``pytest --masker NAME`` collects: every rule, for every config that the named maskers are checked with."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from sah_core.errors import SahError
from sah_core.testing.kinds import configs_of
from sah_core.testing.pytest_checks import cases

__all__ = ["pytest_generate_tests", "test_masker"]


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    """One test for each masker and rule."""
    kinds = dict.fromkeys(metafunc.config.getoption("masker"))
    try:
        configs = [config for kind in kinds for config in configs_of(kind)]
    except SahError as error:
        raise pytest.UsageError(f"--masker: {error}") from error
    metafunc.parametrize("check", cases(tuple(configs)))


def test_masker(check: Callable[[], None]) -> None:
    """The masker obeys this rule of the conformance kit."""
    check()
