"""`Fresh`: draws that are drawn again until they are new, so that chance makes no second right answer."""

from __future__ import annotations

from collections.abc import Callable

__all__ = ["Fresh"]


class Fresh:
    """Gives what it has not given before, and what does not stand in a text."""

    def __init__(self, text: str = "") -> None:
        self._text = text
        self._given: set[str] = set()

    def drawn(self, draw: Callable[[], str]) -> str:
        """The first new one."""
        while (found := draw()) in self._given or found in self._text:
            pass
        self._given.add(found)
        return found
