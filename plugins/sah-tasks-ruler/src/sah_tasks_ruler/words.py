"""The English words that RULER draws from: those of wonderwords."""

from __future__ import annotations

from functools import cache
from random import Random

from attrs import frozen

__all__ = ["Words", "english_words"]


@frozen
class Words:
    """Adjectives, nouns, and all words with the verbs among them; each once, in alphabetical order."""

    adjectives: tuple[str, ...]
    nouns: tuple[str, ...]
    all: tuple[str, ...]

    def pair(self, rng: Random) -> tuple[str, str]:
        """An adjective and a noun, which RULER writes with a hyphen between: 910 times 6782 of them."""
        return rng.choice(self.adjectives), rng.choice(self.nouns)


@cache
def english_words() -> Words:
    """The words, as the installed version of wonderwords has them."""
    from wonderwords import RandomWord  # type: ignore[import-untyped]  # it has no types

    known = RandomWord()
    adjectives, nouns, verbs = (
        known.filter(include_categories=[category]) for category in ("adjective", "noun", "verb")
    )
    return Words(tuple(sorted({*adjectives})), tuple(sorted({*nouns})), tuple(sorted({*adjectives, *nouns, *verbs})))
