"""The rules that every masker keeps, checked of the oracles."""

from collections.abc import Callable

from sah_core.testing import masker_checks
from sah_masker_oracle import OracleTopKConfig, OracleTopPConfig


@masker_checks(
    OracleTopKConfig(),
    OracleTopKConfig(budget=3, share_kv_group=True),
    OracleTopPConfig(),
    OracleTopPConfig(mass=0.4, mass_reference="total", share_kv_group=True),
)
def test_conformance(check: Callable[[], None]) -> None:
    """The oracles obey every rule of the conformance kit."""
    check()
