"""Variable tracking (vt): a chain of assignments that are hidden in a text, whose variables all have one value."""

from __future__ import annotations

from itertools import pairwise
from random import Random
from string import ascii_uppercase
from typing import ClassVar, Final

from .counter import TokenCounter
from .draft import Asked
from .essays import Essays
from .fresh import Fresh
from .haystacks import Noise
from .hidden import Hidden

__all__ = ["VariableTracking"]

_HEAD: Final = "Memorize and track the chain(s) of variable assignment hidden in the following text.\n\n"
_QUESTION: Final = "\nQuestion: Find all variables that are assigned the value {value} in the text above."
_PREFIX: Final = (
    " Answer: According to the chain(s) of variable assignment in the text above, "
    "{variables} variables are assigned the value {value}, they are: "
)
_HOPS: Final = 4
_EXAMPLE_TOKENS: Final = 500
"""Of the example before its answer, at most."""


class VariableTracking:
    """Drafts of vt: one chain of four hops, after an example with its answer.

    The example's haystack is as large as 500 tokens allow, and its assignments stand at the same places in every sample
    of a seed, as RULER has it. Variables and values are drawn again until no two are the same, none is in the essays,
    and the example's value is another one than the one that is asked for; RULER leaves that to chance.
    """

    max_new_tokens: ClassVar[int] = 30
    number: ClassVar[None] = None

    def __init__(self, seed: int, haystack: Noise | Essays, counter: TokenCounter) -> None:
        self._seed = seed
        self._haystack = haystack
        self._counter = counter
        self._example_size = self._largest_example()

    def draft(self, number: int) -> Hidden:
        """A sample; see `sah_tasks_ruler.draft.Source`."""
        name = f"ruler vt {self._seed} {number}"
        rng = Random(name)
        fresh = Fresh(f"VAR {self._haystack.text}" if isinstance(self._haystack, Essays) else "VAR")
        value, other = (fresh.drawn(lambda: str(rng.randrange(10_000, 99_999))) for _ in range(2))
        variables = [fresh.drawn(lambda: "".join(rng.choices(ascii_uppercase, k=5))) for _ in range(_HOPS + 1)]
        shorter = [fresh.drawn(lambda: "".join(rng.choices(ascii_uppercase, k=3))) for _ in range(_HOPS + 1)]
        example = f"{self._example(shorter, other, self._example_size)} {' '.join(shorter)}\n\n"
        return self._hidden(variables, value, f"{name} places", opening=example + _HEAD)

    def _hidden(self, variables: list[str], value: str, places: str, *, opening: str) -> Hidden:
        assignments = [f"VAR {variables[0]} = {value}"]
        # The space at the end is RULER's, where lines of noise follow; among essays it has full stops instead.
        assignments += [f"VAR {new} = VAR {old} " for old, new in pairwise(variables)]
        if isinstance(self._haystack, Essays):
            assignments = [f"{assignment.strip()}." for assignment in assignments]
        asked = Asked(
            _QUESTION.format(value=value),
            _PREFIX.format(value=value, variables=_HOPS + 1),
            tuple(variables),
        )
        return Hidden(asked, opening, tuple(assignments), self._haystack, places, self._counter)

    def _example(self, variables: list[str], value: str, size: int) -> str:
        draft = self._hidden(variables, value, f"ruler vt {self._seed} example", opening=_HEAD)
        return draft.context(size) + draft.asked.question + draft.asked.answer_prefix

    def _largest_example(self) -> int:
        """The haystack with which an example has at most 500 tokens; one with other names has a few more or fewer."""
        rng = Random(f"ruler vt {self._seed} measured")
        variables, value = ["".join(rng.choices(ascii_uppercase, k=3)) for _ in range(_HOPS + 1)], "12345"
        least = self._haystack.least(_HOPS + 1)
        size = max(self._haystack.most(_EXAMPLE_TOKENS), least)
        while size > least:
            tokens = self._counter.counts([self._example(variables, value, size)])[0]
            if tokens <= _EXAMPLE_TOKENS:
                break
            beyond = self._haystack.estimate(size) - (tokens - _EXAMPLE_TOKENS)
            size = max(least, min(size - 1, self._haystack.most(max(beyond, 0))))
        return size
