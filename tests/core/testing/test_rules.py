"""Each rule of the conformance kit catches a masker made to break it, and leaves well-behaved ones alone."""

import pytest

from sah_core import Masker
from sah_core.testing import RULES, Rule, check_masker
from sah_core.testing.runner import Subject, run_rule

from .toy_maskers import BROKEN, Coin, CoinConfig, Norm, NormConfig

GOOD = [Norm(NormConfig()), Norm(NormConfig(budget=0.5)), Coin(CoinConfig())]
NAMED = {rule.name: rule for rule in RULES}


@pytest.mark.parametrize("masker", GOOD, ids=lambda masker: repr(masker.config))
def test_good_maskers_pass_every_rule(masker: Masker) -> None:
    """A rule that sees a fault where there is none is no rule."""
    report = check_masker(masker, max_examples=5)
    assert report.ok, report


@pytest.mark.parametrize(
    ("rule", "masker"),
    [(NAMED[name], masker) for name, maskers in BROKEN.items() for masker in maskers],
    ids=lambda value: value.name if isinstance(value, Rule) else type(value).__name__,
)
def test_the_rule_catches_it(rule: Rule, masker: Masker) -> None:
    """A masker that breaks a rule fails it, with a message and the example it failed on."""
    assert rule.applies(masker.config)
    with pytest.raises(Exception, match=r"\w") as caught:
        run_rule(rule, Subject(masker), max_examples=100, shrink=False)
    assert "query heads" in caught.value.__notes__[0]


def test_every_rule_can_fail() -> None:
    """There is a broken masker for each rule."""
    assert set(BROKEN) == set(NAMED)


@pytest.mark.parametrize("rule", RULES, ids=lambda rule: rule.name)
def test_every_rule_says_what_it_is(rule: Rule) -> None:
    """A rule is a check whose docstring states it."""
    assert rule.name.startswith("check_")
    assert rule.statement[0].isupper()
    assert rule.statement.endswith((".", ".)"))
