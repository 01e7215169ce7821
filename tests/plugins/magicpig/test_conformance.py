"""MagicPIG under the conformance kit."""

from collections.abc import Callable

from sah_core.testing import masker_checks
from sah_masker_magicpig import MagicPigConfig


@masker_checks(
    MagicPigConfig(),
    MagicPigConfig(tables=12, bits=3, min_matches=1),
    MagicPigConfig(tables=12, bits=3, center=False),
)
def test_conformance(check: Callable[[], None]) -> None:
    """MagicPIG obeys every rule of the conformance kit."""
    check()
