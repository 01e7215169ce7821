"""`check_masker`: every rule, tried on one masker, told as a report."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from typing import Literal

from attrs import frozen

from sah_core.composition import Masker
from sah_core.masker_config import MaskerConfig
from sah_core.plugins import Registry

from .choice import chosen_rules, refuse_unknown
from .rules import Rule
from .runner import Subject, run_rule

__all__ = ["MaskerReport", "Outcome", "RuleResult", "check_masker"]

Outcome = Literal["passed", "failed", "not applicable", "known failure", "no longer fails"]


@frozen
class RuleResult:
    """What became of one rule. ``message`` says what was found, ``example`` is the smallest on which it was."""

    rule: str
    outcome: Outcome
    message: str = ""
    example: str = ""

    @property
    def ok(self) -> bool:
        """Whether it is as it should be: passed, not applicable, or a known failure that still fails."""
        return self.outcome not in ("failed", "no longer fails")


@frozen
class MaskerReport:
    """What became of every rule for one masker; printed, it names what failed and on what."""

    config: MaskerConfig
    results: tuple[RuleResult, ...]

    @property
    def ok(self) -> bool:
        """Whether nothing failed that was not known to."""
        return all(result.ok for result in self.results)

    @property
    def failed(self) -> tuple[RuleResult, ...]:
        """What is not as it should be."""
        return tuple(result for result in self.results if not result.ok)

    def __str__(self) -> str:
        passed = sum(result.outcome == "passed" for result in self.results)
        away = sum(result.outcome == "not applicable" for result in self.results)
        lines = [f"{self.config!r}: {passed} rules passed, {len(self.failed)} failed, {away} not applicable"]
        for result in self.failed:
            lines += [f"{result.rule}: {result.message}", *(f"    {line}" for line in result.example.splitlines())]
        return "\n".join(lines)

    __repr__ = __str__


def check_masker(
    masker: MaskerConfig | Masker,
    *,
    max_examples: int = 100,
    head_dims: tuple[int, ...] = (8, 16),
    rules: Iterable[str] | None = None,
    known_failures: Mapping[str, str] | None = None,
    registry: Registry | None = None,
    progress: Callable[[str], None] | None = None,
) -> MaskerReport:
    """Check a masker, by its config or, if no plugin offers it, as an object; the same report in every run.

    ``max_examples`` are tried for each rule, with these head dimensions (those of its model, for a calibrated masker).
    ``rules`` are the names of those to check, all if None; ``known_failures`` are rules that it is known to break, with
    the reason. ``progress`` is called with each rule's name before it is checked.
    A rule that fails is in the report, not raised. Raises UsageError for a rule that does not exist.
    """
    subject = Subject(masker, registry)
    known = dict(known_failures or {})
    refuse_unknown(known)
    results = []
    for rule in chosen_rules(rules):
        if progress is not None:
            progress(rule.name)
        results.append(_result(rule, subject, head_dims, max_examples, known.get(rule.name)))
    return MaskerReport(subject.config, tuple(results))


def _result(
    rule: Rule, subject: Subject, head_dims: tuple[int, ...], max_examples: int, known: str | None
) -> RuleResult:
    if not rule.applies(subject.config):
        return RuleResult(rule.name, "not applicable")
    try:
        run_rule(rule, subject, head_dims, max_examples, shrink=known is None)
    except Exception as error:  # noqa: BLE001 - a masker may raise anything, and the report is about it
        message = str(error) if isinstance(error, AssertionError) else f"{type(error).__name__}: {error}"
        example = "\n".join(getattr(error, "__notes__", ())[:1])
        return RuleResult(rule.name, "known failure" if known else "failed", message, example)
    if known:
        return RuleResult(rule.name, "no longer fails", f"expected to fail ({known}), and passed")
    return RuleResult(rule.name, "passed")
