"""MagicPIG under the conformance kit."""

from collections.abc import Callable

from sah_core.testing import masker_checks
from sah_masker_magicpig import MagicPigConfig

from .plain import SortedMagicPig


@masker_checks(
    MagicPigConfig(),
    MagicPigConfig(tables=12, bits=3, min_matches=1),
    MagicPigConfig(tables=12, bits=3, center=False),
)
def test_conformance(check: Callable[[], None]) -> None:
    """MagicPIG obeys every rule of the conformance kit."""
    check()


@masker_checks(SortedMagicPig(MagicPigConfig(tables=12, bits=3)))
def test_conformance_of_bucket_tables(check: Callable[[], None]) -> None:
    """The same where all keys, few as they are, are in bucket tables."""
    check()
