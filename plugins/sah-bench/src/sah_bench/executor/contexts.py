"""`KeptContexts`: contexts that a model has read, kept for the next cells that ask about them."""

from __future__ import annotations

from collections.abc import Callable, Hashable

from attrs import frozen

from sah_hf.contexts.read_context import ReadContext

__all__ = ["KeptContexts"]


class KeptContexts:
    """Contexts of one model, as many as ``memory`` bytes hold.

    The cells of a table walk over its contexts in the same order, one cell after another. So what another table asked
    goes first, the longest ago first; and then what was asked last, as it is the last to be asked again: a table of
    which not all contexts fit shares those that do.
    """

    def __init__(self, memory: float) -> None:
        self._memory = memory
        self._kept: dict[Hashable, _Kept] = {}  # in the order in which they were asked

    def get(self, key: Hashable, table: Hashable, read: Callable[[], ReadContext]) -> tuple[ReadContext, bool]:
        """The context of this key as it was read before, or read now; and whether it was read now.

        ``table`` is what it is asked for.
        """
        kept = self._kept.pop(key, None)
        context = read() if kept is None else kept.context
        if context.nbytes <= self._memory:
            self._make_room(context.nbytes, table)
            self._kept[key] = _Kept(context, table)
        return context, kept is None

    def clear(self) -> None:
        """Keep none."""
        self._kept.clear()

    def _make_room(self, needed: int, table: Hashable) -> None:
        while sum(kept.context.nbytes for kept in self._kept.values()) + needed > self._memory:
            others = (key for key, kept in self._kept.items() if kept.table != table)
            del self._kept[next(others, next(reversed(self._kept)))]


@frozen
class _Kept:
    context: ReadContext
    table: Hashable
    """Of the cell that asked it last."""
