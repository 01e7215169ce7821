"""Choose the drafts that become samples: those that fit into the length with their least haystack."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import NoReturn

from attrs import frozen

from sah_core.errors import ConfigError

from .counter import TokenCounter
from .draft import Draft, Source

__all__ = ["Choice", "Sample", "choose"]


@frozen
class Sample:
    """A draft, and the tokens that it takes beside the text of its context."""

    draft: Draft
    beside: int
    """What comes before the context, the question, the answer prefix, and room for the answer."""


@frozen
class Choice:
    """The samples, and how long the questions at least are that do not fit."""

    samples: Sequence[Sample]
    too_long: Sequence[int]


def choose(source: Source, number: int | None, length: int, counter: TokenCounter) -> Choice:
    """The first ``number`` drafts that fit (None: all there are), and what had to be passed over.

    Raises ConfigError where a task that could have any number of samples has one that does not fit, where no question
    fits (then with the length for as many as were asked for), and where there are too few.
    """
    if source.number is None:
        found = list(_measured(source, number or 0, counter))
        if any(needed > length for _, needed in found):
            _too_short(length, max(needed for _, needed in found))
        return Choice([sample for sample, _ in found], ())
    samples: list[Sample] = []
    too_long: list[int] = []
    for sample, needed in _measured(source, source.number, counter):
        if needed > length:
            too_long.append(needed)
        else:
            samples.append(sample)
            if len(samples) == number:
                break
    if not samples:
        _too_short(length, sorted(too_long)[: number or 1][-1])
    if number is not None and len(samples) < number:
        fitting = f", of which {len(too_long)} do not fit in a length of {length}" if too_long else ""
        raise ConfigError(
            f"samples is {number}, and the file has {source.number} questions with an answer{fitting}: "
            f"ask for {len(samples)} at most, or bring a file with more"
        )
    return Choice(samples, too_long)


def _measured(source: Source, number: int, counter: TokenCounter) -> Iterator[tuple[Sample, int]]:
    """Samples, and the tokens of each with its least haystack."""
    before = None
    for draft in map(source.draft, range(number)):
        context = draft.context(draft.least)
        if before is None:
            before = counter.before(context)
        asked = draft.asked
        beside = before + counter.question(asked.question, asked.answer_prefix) + source.max_new_tokens
        yield Sample(draft, beside), counter.counts([context])[0] + beside


def _too_short(length: int, needed: int) -> NoReturn:
    raise ConfigError(
        f"length {length} is too short: with this tokenizer the task needs {-(-needed // 10) * 10}, which counts "
        "question and answer, too"
    )
