"""`CallStates`: what the indexes of one context are kept in, however often a layer attends in a forward."""

from __future__ import annotations

from collections.abc import Hashable, Mapping, Sequence

from sah_core import AttentionState
from sah_core.index_content import SavedIndex

__all__ = ["CallStates"]


class CallStates:
    """An attention state for the first call of every layer in a forward, another for the second, and so on.

    Most families call once a layer. Differential attention calls twice, looped models as often as they loop: the keys
    of those calls are others, and so are their indexes.
    """

    def __init__(self, context_length: int) -> None:
        self.context_length = context_length
        self._states: list[AttentionState] = []

    def of(self, call: int) -> AttentionState:
        """The state of each layer's ``call``-th call in a forward, counted from 0."""
        while len(self._states) <= call:
            self._states.append(AttentionState(self.context_length))
        return self._states[call]

    @property
    def nbytes(self) -> int:
        """Bytes that all indexes hold."""
        return sum(state.nbytes for state in self._states)

    def truncate(self, length: int) -> None:
        """Forget every key after the first ``length``."""
        for state in self._states:
            state.truncate(length)

    def forget(self) -> None:
        """Forget every index: the next call fits new ones."""
        self._states.clear()

    def contents(self) -> list[dict[Hashable, SavedIndex]]:
        """Each state's indexes, as far as they can be saved."""
        return [state.contents() for state in self._states]

    def expect(self, contents: Sequence[Mapping[Hashable, SavedIndex]]) -> None:
        """Use these, as `contents` gave them, in place of fitting."""
        for call, saved in enumerate(contents):
            self.of(call).expect(saved)
