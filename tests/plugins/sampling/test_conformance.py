"""Both samplers under the rules that every masker obeys."""

from collections.abc import Callable

from sah_core.testing import masker_checks
from sah_masker_sampling import RandomConfig, VAttentionConfig


@masker_checks(RandomConfig(), RandomConfig(rate=0.3, mode="bernoulli", share_kv_group=True))
def test_random(check: Callable[[], None]) -> None:
    """Random sampling obeys every rule of the conformance kit."""
    check()


@masker_checks(
    VAttentionConfig(),
    VAttentionConfig(epsilon=0.4, delta=0.2, base_rate=0.2, target="sdpa", share_kv_group=True),
)
def test_vattention(check: Callable[[], None]) -> None:
    """vAttention obeys every rule of the conformance kit."""
    check()
