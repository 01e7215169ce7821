"""pytest's option ``--masker NAME``: the conformance of an installed masker, with no code.

pytest loads this module at every start, so it imports nothing that takes time.
"""

from __future__ import annotations

from importlib.util import find_spec
from pathlib import Path

import pytest

__all__ = ["pytest_addoption", "pytest_configure"]

CONFORMANCE = Path(__file__).with_name("conformance.py")


def pytest_addoption(parser: pytest.Parser) -> None:
    """Add ``--masker``."""
    group = parser.getgroup("sah", "Sparse Attention Hub")
    group.addoption(
        "--masker",
        action="append",
        default=[],
        metavar="NAME",
        help="check this installed masker (may be repeated); with no files named, check nothing else",
    )


def pytest_configure(config: pytest.Config) -> None:
    """Collect the conformance of the maskers that were named, in place of the default test paths."""
    kinds = config.getoption("masker")
    if not kinds:
        return
    if find_spec("hypothesis") is None:
        raise pytest.UsageError('--masker needs Hypothesis: pip install "sah-core[testing]"')
    from sah_core.errors import SahError
    from sah_core.plugins import default_registry

    try:
        for kind in kinds:
            default_registry().masker_config(kind)
    except SahError as error:
        raise pytest.UsageError(f"--masker: {error}") from error
    if config.args_source is not pytest.Config.ArgsSource.ARGS:
        config.args[:] = []
    if str(CONFORMANCE) not in config.args:
        config.args.append(str(CONFORMANCE))
