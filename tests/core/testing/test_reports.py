"""check_masker reports, masker_checks makes tests: both of the rules that they are asked for, known failures apart."""

from collections.abc import Callable

import pytest

from sah_core import UsageError
from sah_core.testing import RULES, check_masker, masker_checks

from .toy_maskers import BeyondSight, Coin, CoinConfig, Forgetful, Norm, NormConfig

KNOWN = {"check_nothing_is_lost": "it forgets"}


def test_a_report_names_what_failed_and_on_what() -> None:
    """Printed, it gives the rule, what was found, and the smallest example."""
    report = check_masker(BeyondSight(NormConfig()), rules=["check_only_visible_keys", "check_full_stays_full"])
    assert not report.ok
    assert [result.rule for result in report.failed] == ["check_only_visible_keys"]
    lines = str(report).splitlines()
    assert lines[0] == "NormConfig(kind='norm', budget=2): 1 rules passed, 1 failed, 0 not applicable"
    assert lines[1] == (
        "check_only_visible_keys: a key was selected that the query cannot see: "
        "batch row 0, query head 0, query 0, key 1"
    )
    assert lines[3] == "    batch 1, 1 query heads, 1 KV heads, 2 queries, 2 keys, head dimension 8, layer 0"


def test_the_same_run_gives_the_same_report() -> None:
    """Examples are drawn in the same way every time."""
    first, second = (
        check_masker(Forgetful(NormConfig()), rules=["check_nothing_is_lost"], max_examples=30) for _ in range(2)
    )
    assert first == second


def test_rules_of_samplers_are_not_applicable_to_others() -> None:
    """A rule that is not about a masker is neither passed nor failed."""
    rules = ["check_draws_are_unbiased", "check_something_is_selected"]
    norm, coin = (
        check_masker(masker, rules=rules, max_examples=2) for masker in (Norm(NormConfig()), Coin(CoinConfig()))
    )
    assert [result.outcome for result in norm.results] == ["passed", "not applicable"]
    assert [result.outcome for result in coin.results] == ["not applicable", "passed"]


def test_known_failures_have_to_fail() -> None:
    """One that fails is as it should be, one that passes is not."""
    rules = ["check_nothing_is_lost"]
    assert check_masker(Forgetful(NormConfig()), rules=rules, known_failures=KNOWN).ok
    report = check_masker(Norm(NormConfig()), rules=rules, known_failures=KNOWN, max_examples=2)
    assert report.failed[0].outcome == "no longer fails"
    assert "it forgets" in report.failed[0].message


def test_an_unknown_rule_is_refused() -> None:
    """A name that is nearly a rule's is told which."""
    wanted = "has no rule 'check_nothing_lost'; did you mean 'check_nothing_is_lost'?"
    with pytest.raises(UsageError, match="did you mean") as caught:
        check_masker(Norm(NormConfig()), rules=["check_nothing_lost"])
    assert wanted in str(caught.value)
    with pytest.raises(UsageError, match="did you mean"):
        masker_checks(Norm(NormConfig()), known_failures={"check_nothing_lost": "a slip"})


def test_a_test_is_made_of_every_rule_that_applies() -> None:
    """The names tell config and rule; known failures are strict."""
    maskers = (Norm(NormConfig()), Norm(NormConfig(budget=0.5)))
    _, parameters = masker_checks(*maskers, known_failures=KNOWN).args
    names = [parameter.id for parameter in parameters]
    applicable = [rule.name for rule in RULES if rule.applies(NormConfig())]
    assert names == [f"norm-{name}" for name in applicable] + [f"norm-budget=0.5-{name}" for name in applicable]
    marked = [(parameter.id, parameter.marks[0].kwargs) for parameter in parameters if parameter.marks]
    strict = {"reason": "it forgets", "strict": True}
    assert marked == [("norm-check_nothing_is_lost", strict), ("norm-budget=0.5-check_nothing_is_lost", strict)]


@masker_checks(Forgetful(NormConfig()), known_failures={**KNOWN, "check_full_stays_full": "it forgets"}, max_examples=5)
def test_checks_run_as_tests(check: Callable[[], None]) -> None:
    """A masker with known failures: these fail as expected, all other rules pass."""
    check()
