"""The rules that every masker keeps, checked of Quest."""

from collections.abc import Callable

from sah_core.testing import masker_checks
from sah_masker_quest import QuestConfig


@masker_checks(
    QuestConfig(),
    QuestConfig(budget=5, page_size=4, keep_last_page=False),
    QuestConfig(budget=0.3, page_size=3, share_kv_group=True),
)
def test_conformance(check: Callable[[], None]) -> None:
    """Quest obeys every rule of the conformance kit."""
    check()
