"""Every masker that is installed keeps the rules of the conformance kit, as ``pytest --masker`` would check it."""

from collections.abc import Callable

from sah_core import default_registry
from sah_core.plugins.unknown import PUBLISHED
from sah_core.testing import configs_of, masker_checks

KINDS = default_registry().kinds
# Each plugin's own tests try more of them; these see to it that no kind is forgotten.
EXAMPLES = 5


def test_the_published_plugins_are_installed() -> None:
    """The list below is not short by accident."""
    assert set(PUBLISHED) <= set(KINDS)


@masker_checks(*(config for kind in KINDS for config in configs_of(kind)), max_examples=EXAMPLES)
def test_conformance(check: Callable[[], None]) -> None:
    """The masker obeys this rule."""
    check()
