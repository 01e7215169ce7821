"""The rules that every masker keeps, checked of HashAttention with a tiny calibration."""

from collections.abc import Callable

from sah_core.testing import configs_of, masker_checks


@masker_checks(*configs_of("hashattention"))
def test_conformance(check: Callable[[], None]) -> None:
    """HashAttention obeys every rule of the conformance kit."""
    check()
