"""`KnownCaches`: what a sparse mode knows of each KV cache: where its prompt ends, and the indexes of its keys."""

from __future__ import annotations

from typing import Any
from weakref import WeakKeyDictionary

from attrs import define

from .call_states import CallStates
from .generating import current_generation
from .watched_cache import unwatch, watch

__all__ = ["KnownCache", "KnownCaches"]


@define(eq=False)
class KnownCache:
    """``prompt``: how many columns the prompt has; ``states``: of its indexes, None before the first sparse forward."""

    prompt: int
    states: CallStates | None = None
    last: tuple[int, int] = (0, 0)
    """How many columns were filled before and after the forward that was seen last."""

    def states_from(self, context_length: int) -> CallStates:
        """The states, made for a context of this length where there are none."""
        if self.states is None:
            self.states = CallStates(context_length)
        return self.states

    def shorten(self, length: int) -> None:
        """Only the first ``length`` columns are still what they were."""
        self.prompt = min(self.prompt, length)
        if self.states is not None:
            if length < self.states.context_length:
                self.states = None
            else:
                self.states.truncate(length)


class KnownCaches:
    """The caches that forwards of one model were given, held weakly, and followed when somebody rewrites them."""

    def __init__(self, model: Any) -> None:
        self._model = model
        self._known: WeakKeyDictionary[Any, KnownCache] = WeakKeyDictionary()
        self._kept: WeakKeyDictionary[Any, CallStates] = WeakKeyDictionary()

    def keep(self, cache: Any, states: CallStates) -> None:
        """Use these states with this cache, which is filled."""
        self._kept[cache] = states

    def meet(self, cache: Any, filled: int, end: int) -> KnownCache:
        """A forward continues a cache of ``filled`` columns up to column ``end``.

        What an empty cache is filled with is its prompt: all that ``generate`` was given, else this one forward. Of any
        other it is what it holds when it is first seen.

        Raises GenerationError where ``generate`` reads what the cache holds once more.
        """
        if cache is None:
            return KnownCache(end)
        watch(cache, self)
        generation = current_generation(self._model)
        if generation is not None:
            generation.meet(cache, filled, end)
        known = self._known.get(cache)
        if filled == 0:
            ours = generation is not None and generation.cache is cache
            known = KnownCache(generation.prompt if ours and generation is not None else end)
        elif known is None:
            known = KnownCache(filled, self._kept.get(cache))
        elif known.last != (filled, end) and filled < known.last[1]:  # a model's parts see the same forward again
            known.shorten(filled)
        self._known[cache] = known
        known.last = filled, end
        return known

    def rows_moved(self, cache: Any) -> None:
        """Indexes are made again from the keys in their new order; beams of one row share those of its prompt."""
        known, generation = self._known.get(cache), current_generation(self._model)
        if known is not None and known.states is not None:
            alike = generation is not None and generation.cache is cache
            known.states.truncate(generation.common if alike and generation is not None else 0)

    def shortened(self, cache: Any, length: int) -> None:
        """What was taken away is forgotten, though the cache may grow again before it is seen again."""
        known = self._known.get(cache)
        if known is not None:
            known.shorten(length)
            known.last = length, length

    def close(self) -> None:
        """Leave the caches as they were."""
        for cache in list(self._known):
            unwatch(cache, self)
