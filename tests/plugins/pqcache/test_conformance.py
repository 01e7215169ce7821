"""The rules that every masker keeps, checked of PQCache."""

from collections.abc import Callable

from sah_core.testing import masker_checks
from sah_masker_pqcache import PQCacheConfig


@masker_checks(
    PQCacheConfig(),
    PQCacheConfig(budget=3, subvectors=4, bits=2, iterations=3, share_kv_group=False),
    PQCacheConfig(budget=0.3, bits=1, metric="inner_product"),
)
def test_conformance(check: Callable[[], None]) -> None:
    """PQCache obeys every rule of the conformance kit."""
    check()
