"""Needles in a haystack: RULER's eight tasks that ask for magic numbers or UUIDs hidden in a text."""

from __future__ import annotations

import uuid
from collections.abc import Callable
from functools import cached_property, partial
from random import Random
from typing import ClassVar, Final, Literal

from attrs import frozen

from .config import TaskName
from .counter import TokenCounter
from .draft import Asked
from .essays import Essays
from .fresh import Fresh
from .haystacks import Haystack, Needles, Noise, nothing_to_count
from .hidden import Hidden
from .words import english_words

__all__ = ["NIAH", "Niah"]

_Kind = Literal["words", "numbers", "uuids"]

_HEAD: Final = {
    False: "Some special magic {values} are hidden within the following text. "
    "Make sure to memorize it. I will quiz you about the {values} afterwards.\n",
    True: "A special magic {values} is hidden within the following text. "
    "Make sure to memorize it. I will quiz you about the {values} afterwards.\n",
}
"""By whether one value is asked for."""
_QUESTION: Final = {
    False: "\nWhat are all the special magic {values} for {query} mentioned in the provided text?",
    True: "\nWhat is the special magic {values} for {query} mentioned in the provided text?",
}
_PREFIX: Final = {
    False: " The special magic {values} for {query} mentioned in the provided text are",
    True: " The special magic {values} for {query} mentioned in the provided text is",
}
_SOME: Final = 1000
"""Lines of which the mean is known."""
_NEEDLE: Final = "One of the special magic {values} for {key} is: {value}."


@frozen
class _Variant:
    """What a task hides and asks for."""

    values: Literal["numbers", "uuids"] = "numbers"
    """What is hidden: numbers of 7 digits, or UUIDs."""
    key: _Kind = "words"
    """What each is hidden under: an adjective and a noun, or a UUID."""
    keys: int = 1
    values_a_key: int = 1
    queries: int = 1
    """How many of the keys are asked for."""

    @property
    def asks_for_one(self) -> bool:
        """Whether there is one answer, for which RULER writes its sentences in the singular."""
        return self.queries * self.values_a_key == 1


NIAH: Final[dict[TaskName, _Variant]] = {
    "niah_single_1": _Variant(),
    "niah_single_2": _Variant(),
    "niah_single_3": _Variant(values="uuids"),
    "niah_multikey_1": _Variant(keys=4),
    "niah_multikey_2": _Variant(),
    "niah_multikey_3": _Variant(values="uuids", key="uuids"),
    "niah_multivalue": _Variant(values_a_key=4),
    "niah_multiquery": _Variant(keys=4, queries=4),
}
"""The tasks' parameters in RULER's synthetic.yaml; their haystacks are in `sah_tasks_ruler.config`."""


class Niah:
    """Drafts of one of the tasks.

    Every key and every value is drawn again until it is new, in the sample and in the essays, so that each value occurs
    once and under its key alone; RULER leaves that to chance.
    """

    max_new_tokens: ClassVar[int] = 128
    number: ClassVar[None] = None

    def __init__(self, task: TaskName, seed: int, haystack: Noise | Essays | None, counter: TokenCounter) -> None:
        """``haystack`` None: needles that nobody asks for, other ones in each sample."""
        self._task = task
        self._seed = seed
        self._haystack = haystack
        self._counter = counter
        self._variant = NIAH[task]

    def draft(self, number: int) -> Hidden:
        """A sample; see `sah_tasks_ruler.draft.Source`."""
        name = f"ruler {self._task} {self._seed} {number}"
        rng = Random(name)
        variant = self._variant
        fresh = Fresh(self._haystack.text if isinstance(self._haystack, Essays) else "")
        keys = [self._drawn(variant.key, fresh, rng) for _ in range(variant.keys)]
        values = {key: [self._drawn(variant.values, fresh, rng) for _ in range(variant.values_a_key)] for key in keys}
        needles = [self._needle(key, value) for key in keys for value in values[key]]
        rng.shuffle(needles)
        queries = rng.sample(keys, variant.queries)
        return Hidden(
            Asked(
                self._filled(_QUESTION, queries),
                self._filled(_PREFIX, queries),
                tuple(value for key in queries for value in values[key]),
            ),
            self._filled(_HEAD, queries),
            tuple(needles),
            self._haystack or self._needles(fresh, Random(f"{name} haystack")),
            f"{name} places",
            self._counter,
        )

    def _needle(self, key: str, value: str) -> str:
        return _NEEDLE.format(values=self._variant.values, key=key, value=value)

    @staticmethod
    def _drawn(kind: _Kind, fresh: Fresh, rng: Random) -> str:
        return fresh.drawn(partial(_DRAWS[kind], rng))

    def _line(self, fresh: Fresh, rng: Random) -> str:
        """A needle that nobody asks for."""
        variant = self._variant
        return self._needle(self._drawn(variant.key, fresh, rng), self._drawn(variant.values, fresh, rng))

    def _needles(self, fresh: Fresh, rng: Random) -> Haystack:
        return Needles(self._line_tokens, lambda: self._line(fresh, rng))

    @cached_property
    def _line_tokens(self) -> float:
        fresh, rng = Fresh(), Random(f"ruler {self._task} {self._seed} lines")
        lines = [f"{self._line(fresh, rng)}\n" for _ in range(_SOME)]
        tokens = sum(self._counter.counts(lines))
        if tokens == 0:
            raise nothing_to_count(lines[0])
        return tokens / _SOME

    def _filled(self, template: dict[bool, str], queries: list[str]) -> str:
        one = self._variant.asks_for_one
        values = self._variant.values
        query = queries[0] if len(queries) == 1 else f"{', '.join(queries[:-1])}, and {queries[-1]}"
        return template[one].format(values=values.removesuffix("s") if one else values, query=query)


_DRAWS: Final[dict[_Kind, Callable[[Random], str]]] = {
    "words": lambda rng: "-".join(english_words().pair(rng)),
    "numbers": lambda rng: str(rng.randint(10**6, 10**7 - 1)),
    "uuids": lambda rng: str(uuid.UUID(int=rng.getrandbits(128), version=4)),
}
