"""`NeedleTask`: contexts with hidden records, questions about them, and the exact answers."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final, Literal, get_args

import attrs
import numpy as np

from sah_core.errors import UsageError

from .records import Records, hide, retrieval_records, vote_records
from .vocabulary import KEY_IDS, QUESTION, RECORD_WORDS, spell

__all__ = ["NeedleSample", "NeedleTask", "Variant"]

Variant = Literal["retrieval", "vote"]

SHORTEST: Final = 32
LONGEST: Final = 8192
_FEWEST_VOTES = 16
_MOST_VOTES = 32


@attrs.frozen
class NeedleSample:
    """One context, questions about it, and what each should be answered."""

    context: str
    """Words apart by a space; the tokenizer puts ``<bos>`` before them, and counts that too."""
    questions: tuple[str, ...]
    """``"? key"``, each of another key of the context."""
    answers: tuple[str, ...]
    """``"v v v"``, one for each question."""


@attrs.frozen
class NeedleTask:
    """A kind of context, of which every seed gives another sample, and the same seed the same one.

    * ``variant``: in ``retrieval`` a key has one record ``key v v v .``; in ``vote`` it has 16 to 32, of which 45 %
      hold the answer, 25 % a rival and the others noise: the answer is the value with the most records.
    * ``length``: of the context in tokens, ``<bos>`` included; 32 to 8192.
    * ``spacing``: one record for every so many tokens, at least 6.
    * ``questions``: asked of each context, at most; a key is asked once, and a vote has few keys.

    Raises UsageError where no such context exists.
    """

    variant: Variant = "retrieval"
    length: int = 1024
    spacing: int = 24
    questions: int = 16

    def __attrs_post_init__(self) -> None:
        if self.variant not in get_args(Variant):
            raise UsageError(f"variant should be one of {', '.join(get_args(Variant))}, not {self.variant!r}")
        _check_between("length", self.length, SHORTEST, LONGEST)
        _check_between("spacing", self.spacing, RECORD_WORDS + 1, self.length)
        _check_between("questions", self.questions, 1, len(KEY_IDS))
        if self.variant == "vote" and self.records < _FEWEST_VOTES:
            raise UsageError(
                f"a vote needs {_FEWEST_VOTES} records, and length {self.length} with one record for every "
                f"{self.spacing} tokens has {self.records}: make the context longer or the spacing smaller"
            )
        if self.keys > len(KEY_IDS):
            raise UsageError(
                f"length {self.length} with one record for every {self.spacing} tokens needs {self.keys} keys, and the "
                f"vocabulary has {len(KEY_IDS)}: make the context shorter or the spacing larger"
            )

    @property
    def records(self) -> int:
        """How many records a context has."""
        return self.length // self.spacing

    @property
    def keys(self) -> int:
        """How many different keys those records have."""
        if self.variant == "retrieval":
            return self.records
        # As near to 24 records a key as 16 to 32 allow.
        fewest, most = -(-self.records // _MOST_VOTES), self.records // _FEWEST_VOTES
        return min(max(round(self.records / 24), fewest), most)

    def sample(self, seed: int, number: int = 0) -> NeedleSample:
        """The sample of this seed and number, both whole numbers from 0 up; other numbers give other samples."""
        for name, value in (("seed", seed), ("number", number)):
            if isinstance(value, bool) or not isinstance(value, int) or value < 0:
                raise UsageError(f"{name} should be a whole number from 0 up, not {value!r}")
        rng = np.random.default_rng([seed, number])
        records = self._draw(rng)
        context = hide(rng, records, self.length)
        asked = rng.choice(self.keys, min(self.questions, self.keys), replace=False)
        return NeedleSample(
            context=spell(context.ids[1:]),
            questions=tuple(spell([QUESTION, key]) for key in records.asked[asked]),
            answers=tuple(spell(answer) for answer in records.answers[asked]),
        )

    def samples(self, questions: int, seed: int) -> Iterator[NeedleSample]:
        """As many samples as it takes to ask this many questions; the last one asks what is left."""
        number = 0
        while questions > 0:
            sample = self.sample(seed, number)
            asked = slice(questions)
            yield attrs.evolve(sample, questions=sample.questions[asked], answers=sample.answers[asked])
            questions -= len(sample.questions)
            number += 1

    def _draw(self, rng: np.random.Generator) -> Records:
        if self.variant == "retrieval":
            return retrieval_records(rng, self.records)
        return vote_records(rng, self.records, self.keys)


def _check_between(name: str, value: int, least: int, most: int) -> None:
    if isinstance(value, bool) or not isinstance(value, int) or not least <= value <= most:
        raise UsageError(f"{name} should be a whole number from {least} to {most}, not {value!r}")
