"""Trying one rule on many examples, and finding the smallest that breaks it."""

from __future__ import annotations

from attrs import frozen
from hypothesis import HealthCheck, Phase, Verbosity, given, settings

from sah_core.composition import Masker
from sah_core.masker_config import MaskerConfig
from sah_core.maskers import create_masker
from sah_core.plugins import Registry

from .examples import Example, Shapes, examples
from .rules import Rule

__all__ = ["Subject", "run_rule"]


@frozen(eq=False)
class Subject:
    """A masker to check, by its config or as an object of a class that no plugin offers."""

    given: MaskerConfig | Masker
    registry: Registry | None = None

    @property
    def config(self) -> MaskerConfig:
        """The masker's config."""
        return self.given if isinstance(self.given, MaskerConfig) else self.given.config

    def fresh(self) -> Masker:
        """A masker that nobody has used."""
        if isinstance(self.given, MaskerConfig):
            return create_masker(self.given, self.registry)
        masker: Masker = type(self.given)(self.given.config)  # type: ignore[call-arg]  # as create_masker makes one
        return masker


def run_rule(
    rule: Rule,
    subject: Subject,
    head_dims: tuple[int, ...] = (8, 16),
    max_examples: int | None = None,
    *,
    shrink: bool = True,
) -> None:
    """Check the rule on examples that are the same in every run; a fifth of Hypothesis's profile's number if None.

    Raises what the check raises on the smallest example found, with that example as a note; on the first one found,
    without ``shrink``.
    """
    shapes = Shapes.of(subject.config, head_dims)
    if rule.one_example:
        _check(rule, subject, Example.fixed(shapes))
        return

    @settings(
        max_examples=max_examples or max(1, settings().max_examples // 5),
        deadline=None,
        derandomize=True,
        database=None,
        report_multiple_bugs=False,
        phases=(Phase.generate, Phase.shrink) if shrink else (Phase.generate,),
        suppress_health_check=list(HealthCheck),
        verbosity=Verbosity.quiet,
    )
    @given(example=examples(shapes))
    def check(example: Example) -> None:
        _check(rule, subject, example)

    check()


def _check(rule: Rule, subject: Subject, example: Example) -> None:
    try:
        rule.check(subject.fresh(), example.inputs, example.previous)
    except Exception as error:
        error.add_note(f"{subject.config!r}\n{example}")
        raise
