"""Score the answers of a cell, which needs neither the model nor torch; and compare two cells."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from numbers import Real
from typing import Any, Self

from attrs import frozen

from sah_bench.store.cell_files import CellFiles
from sah_bench.tasks.row import Row
from sah_core.errors import SahError
from sah_core.plugins import Registry, default_registry

from .clustered import Mean, clustered_mean
from .combined import shares
from .scorer import Scorer

__all__ = ["Scores", "ScoringFailure", "paired_difference", "score_cell"]


@frozen
class Scores:
    """The score of every answered sample of a table, and what gave it."""

    scorer: str
    distribution: str
    """The package that the scorer came from, and its ``version``."""
    version: str
    by_sample: Mapping[int, float]
    """0 (wrong) to 1 (right), by the sample's number in the table; what was not answered is missing.

    Where the scorer gives several numbers, the sample's share in the score, see `shares`.
    """
    context_of: tuple[int, ...]
    """For every sample of the table, answered or not, the number of its context."""

    @property
    def mean(self) -> float | None:
        """Over the answered samples; None where none is."""
        return None if (found := self._mean()) is None else found.value

    @property
    def standard_error(self) -> float | None:
        """Of the mean, see `clustered_mean`; None where fewer than two contexts have answers."""
        return None if (found := self._mean()) is None else found.standard_error

    @property
    def samples(self) -> int:
        """How many are answered."""
        return len(self.by_sample)

    @property
    def contexts(self) -> int:
        """How many contexts have an answered sample."""
        return len({self.context_of[sample] for sample in self.by_sample})

    def to_dict(self) -> dict[str, Any]:
        """What ``scores.json`` holds; ``by_sample`` is a list, with null for what was not answered."""
        return {
            "scorer": self.scorer,
            "distribution": self.distribution,
            "version": self.version,
            "mean": self.mean,
            "standard_error": self.standard_error,
            "samples": self.samples,
            "contexts": self.contexts,
            "by_sample": [self.by_sample.get(sample) for sample in range(len(self.context_of))],
            "context_of": list(self.context_of),
        }

    @classmethod
    def from_dict(cls, found: Mapping[str, Any]) -> Self:
        """What `to_dict` gave."""
        by_sample = {sample: score for sample, score in enumerate(found["by_sample"]) if score is not None}
        return cls(found["scorer"], found["distribution"], found["version"], by_sample, tuple(found["context_of"]))

    def _mean(self) -> Mean | None:
        return clustered_mean((score, self.context_of[sample]) for sample, score in self.by_sample.items())


@frozen
class ScoringFailure:
    """Why there are no scores, in a sentence."""

    error: str

    def to_dict(self) -> dict[str, Any]:
        """What ``scores.json`` holds instead of scores."""
        return {"error": self.error}


def score_cell(
    files: CellFiles, rows: Sequence[Row], scorer: str, registry: Registry | None = None
) -> Scores | ScoringFailure:
    """Score every answer of a cell, and write ``scores.json``; the answers themselves are only read.

    ``rows`` are those of the cell's table, ``scorer`` is a name. Where a sample was answered twice, the first answer
    counts. A scorer that is not installed, raises, or gives anything but numbers from 0 to 1 makes a failure, never
    an exception. Raises OSError where the file cannot be written.
    """
    registry = default_registry() if registry is None else registry
    answers: dict[int, str] = {}
    for line in files.answers.read().values:
        answers.setdefault(line["sample"], line["answer"])
    scores: Scores | ScoringFailure
    try:
        record, score = registry.scorers.record(scorer), registry.scorers.load(scorer)
        what = f"scorer {scorer!r} of {record.distribution} {record.version}"
        parts = {sample: _checked(score, what, sample, answers[sample], rows[sample]) for sample in sorted(answers)}
        if len({len(values) for values in parts.values()}) > 1:
            raise _ScorerError(f"{what} should give as many numbers for every sample")
        scores = Scores(scorer, record.distribution, record.version, shares(parts), _contexts_of(rows))
    except SahError as error:
        scores = ScoringFailure(str(error))
    files.write_scores(scores.to_dict())
    return scores


def paired_difference(one: Scores, other: Scores) -> tuple[float, float | None] | None:
    """The mean of ``one - other`` over the samples that both have, and its standard error, see `clustered_mean`.

    Both are scores of one table. The same questions are easier or harder for both, so this error is usually far
    smaller than that of a difference of two means. None where they have no sample in common, or are of tables that
    differ in their contexts.
    """
    if one.context_of != other.context_of:
        return None
    mean = clustered_mean(
        (score - other.by_sample[sample], one.context_of[sample])
        for sample, score in one.by_sample.items()
        if sample in other.by_sample
    )
    return None if mean is None else (mean.value, mean.standard_error)


class _ScorerError(SahError):
    """A scorer did what a scorer should not."""


def _checked(scorer: Scorer, what: str, sample: int, answer: str, row: Row) -> tuple[float, ...]:
    try:
        score = scorer(answer, row)
        parts = score if isinstance(score, tuple) and score else (score,)
        numbers = tuple(float(part) if isinstance(part, Real) else math.nan for part in parts)
    # The scorer is a plugin's: whatever it raises is that plugin's failure, told by name.
    except (Exception, SystemExit) as error:
        said = " ".join(str(error).split())
        raise _ScorerError(f"{what} raised {type(error).__name__} on sample {sample}: {said}".rstrip(": ")) from error
    for part, number in zip(parts, numbers, strict=True):
        if not 0 <= number <= 1:
            given = str(number) if isinstance(part, Real) else f"a value of type {type(part).__name__}"
            raise _ScorerError(f"{what} should give a number from 0 to 1, and gave {given} for sample {sample}")
    return numbers


def _contexts_of(rows: Sequence[Row]) -> tuple[int, ...]:
    """For every row the number of its context, from 0 in the order of their first appearance."""
    numbers: dict[str, int] = {}
    return tuple(numbers.setdefault(row.context, len(numbers)) for row in rows)
