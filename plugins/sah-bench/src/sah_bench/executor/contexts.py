"""`KeptContexts`: contexts that a model has read, kept for the next cells that ask about them."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable, Hashable

from sah_hf.contexts.read_context import ReadContext

__all__ = ["KeptContexts"]


class KeptContexts:
    """The contexts that were used last, of one model, as many as ``memory`` bytes hold."""

    def __init__(self, memory: float) -> None:
        self._memory = memory
        self._kept: OrderedDict[Hashable, ReadContext] = OrderedDict()

    def get(self, key: Hashable, read: Callable[[], ReadContext]) -> tuple[ReadContext, bool]:
        """The context of this key as it was read before, or read now; and whether it was read now."""
        if key in self._kept:
            self._kept.move_to_end(key)
            return self._kept[key], False
        context = read()
        self._kept[key] = context
        while sum(kept.nbytes for kept in self._kept.values()) > self._memory:
            self._kept.popitem(last=False)
        return context, True

    def clear(self) -> None:
        """Keep none."""
        self._kept.clear()
