"""`masker_checks`: a pytest test of every rule for every config."""

from __future__ import annotations

from collections.abc import Mapping
from functools import partial
from pathlib import Path
from typing import Any

import pytest

from sah_core.composition import Masker
from sah_core.masker_config import MaskerConfig

from .choice import refuse_unknown
from .rules import RULES, Rule
from .runner import Subject, run_rule

__all__ = ["cases", "masker_checks"]


def masker_checks(
    *maskers: MaskerConfig | Masker,
    known_failures: Mapping[str, str] | None = None,
    head_dims: tuple[int, ...] = (8, 16),
    max_examples: int | None = None,
) -> pytest.MarkDecorator:
    """Make of a test function with one parameter, ``check``, a test of every rule for every masker::

        @masker_checks(QuestConfig(), QuestConfig(page_size=4), known_failures={"check_nothing_is_lost": "why"})
        def test_conformance(check):
            check()

    ``known_failures`` are strict: a rule named there has to fail, and its reason is shown. ``max_examples`` of each
    rule are tried, by default a fifth of what the Hypothesis profile in force says, the same in every run.
    Raises UsageError for a rule that does not exist.
    """
    parameters = cases(maskers, known_failures, head_dims, max_examples)
    return pytest.mark.parametrize("check", parameters)


def cases(
    maskers: tuple[MaskerConfig | Masker, ...],
    known_failures: Mapping[str, str] | None = None,
    head_dims: tuple[int, ...] = (8, 16),
    max_examples: int | None = None,
) -> list[Any]:
    """One parameter for every masker and rule that it has to keep: a function without arguments."""
    known = dict(known_failures or {})
    refuse_unknown(known)
    return [
        pytest.param(
            partial(run_rule, rule, subject, head_dims, max_examples, shrink=rule.name not in known),
            id=f"{_name(subject.config)}-{rule.name}",
            marks=_marks(rule, known),
        )
        for subject in map(Subject, maskers)
        for rule in RULES
        if rule.applies(subject.config)
    ]


def _marks(rule: Rule, known: Mapping[str, str]) -> tuple[pytest.MarkDecorator, ...]:
    return (pytest.mark.xfail(reason=known[rule.name], strict=True),) if rule.name in known else ()


def _name(config: MaskerConfig) -> str:
    """The kind, and the fields that differ from its defaults; of a path the last part."""
    fields = type(config).model_fields
    changed = [name for name in fields if name != "kind" and getattr(config, name) != fields[name].default]
    values = [f"{name}={Path(str(getattr(config, name))).name}" for name in changed]
    return "-".join([config.kind, *values])
