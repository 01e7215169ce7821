"""The rules that every masker keeps, checked of Double Sparsity, online and with a calibration."""

from collections.abc import Callable

from sah_core import default_registry
from sah_core.testing import masker_checks
from sah_core.testing.calibrations import calibrated
from sah_masker_double_sparsity import DoubleSparsityConfig

LEARNED = calibrated(DoubleSparsityConfig(budget=5, group_factor=2), default_registry())


@masker_checks(DoubleSparsityConfig(budget=0.3, group_factor=4, share_kv_group=True), LEARNED)
def test_conformance(check: Callable[[], None]) -> None:
    """Double Sparsity obeys every rule of the conformance kit."""
    check()
