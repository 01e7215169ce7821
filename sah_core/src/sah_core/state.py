"""What a request remembers: the indexes that maskers keep over its keys."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Hashable, Mapping
from typing import ClassVar

from attrs import define
from torch import Tensor

from .errors import StateError
from .growing import GrowingTensor
from .index_content import IndexContent, SavedIndex, content_of, fill

__all__ = ["AttentionState", "KeyIndex"]


class KeyIndex(ABC):
    """What one method keeps of a layer's keys, per KV head: pages, codes, signatures, labels, centroids.

    Keys come as (b, hkv, n, d). Whatever is learned from keys (centroids, a mean) is learned in `fit` and then frozen,
    so that no question influences another. The law: fit(A), append(B), append(C) equals fit(A), append(B and C), and
    truncate(n) equals never having seen the keys after the first n.
    """

    length: int = 0
    """How many keys the index covers; every method below keeps it true."""

    saved: ClassVar[tuple[str, ...]] = ()
    """The attributes, beside ``length``, that hold what was learned and covered; whoever makes an index gives the rest.

    Tensors, GrowingTensors, dicts of those by text, numbers or None. Without any it cannot be saved: it is fitted anew.
    """

    @abstractmethod
    def fit(self, keys: Tensor) -> None:
        """Learn from these first keys and cover them."""

    @abstractmethod
    def append(self, keys: Tensor) -> None:
        """Cover these next keys, any number of them."""

    @abstractmethod
    def truncate(self, length: int) -> None:
        """Cover only the first ``length`` keys, or fewer where the index cannot go back exactly that far."""

    @property
    def nbytes(self) -> int:
        """Bytes of the tensors it holds; a GrowingTensor counts by its entries."""
        return sum(value.nbytes for value in vars(self).values() if isinstance(value, Tensor | GrowingTensor))

    def content(self) -> IndexContent | None:
        """What `restore` needs, views of what the index holds; None where it cannot be saved."""
        return content_of(self, ("length", *self.saved)) if self.saved else None

    def restore(self, content: IndexContent) -> None:
        """Become, from just made, the index whose `content` this is, and take over its tensors.

        Raises StateError where something is missing.
        """
        fill(self, ("length", *self.saved), content)


@define
class _Entry:
    index: KeyIndex
    rows: tuple[int, int]  # batch and KV heads
    fitted: int
    key_offset: int


class AttentionState:
    """The indexes of one request, for every layer and masker; one batch row never influences another.

    ``context_length``: how many keys the context has. Indexes are fitted on those alone, and `truncate` to it returns
    to the state after the context. Without it an index is fitted on the keys present at its first call.
    """

    def __init__(self, context_length: int | None = None) -> None:
        if context_length is not None and context_length < 1:
            raise StateError(f"context_length should be a positive number of keys or None, not {context_length}")
        self.context_length = context_length
        self._entries: dict[Hashable, _Entry] = {}
        self._saved: dict[Hashable, SavedIndex] = {}  # not asked for yet

    def __repr__(self) -> str:
        return f"AttentionState(context_length={self.context_length}, indexes={len(self._entries)})"

    @property
    def nbytes(self) -> int:
        """Bytes that all indexes hold."""
        held = sum(entry.index.nbytes for entry in self._entries.values())
        return held + sum(saved.nbytes for saved in self._saved.values())

    def contents(self) -> dict[Hashable, SavedIndex]:
        """Every index that can be saved, by its name."""
        found = dict(self._saved)
        for name, entry in self._entries.items():
            content = entry.index.content()
            if content is not None and entry.key_offset == 0:
                found[name] = SavedIndex(entry.rows, entry.fitted, content)
        return found

    def expect(self, saved: Mapping[Hashable, SavedIndex]) -> None:
        """Use these, where they are of as many keys, in place of fitting the indexes of these names."""
        self._saved |= saved

    def index(
        self, name: Hashable, create: Callable[[], KeyIndex | None], keys: Tensor, new: int, key_offset: int = 0
    ) -> KeyIndex | None:
        """The index called ``name``, covering all of ``keys`` (b, hkv, k, d).

        The last ``new`` keys belong to this call: whatever the index holds there (of an earlier answer, a rejected
        draft, the same call made before) is replaced. ``create`` makes an empty index at first use, or None for a
        masker that keeps none, which is then the answer. Raises StateError if the batch or the heads changed since.
        """
        rows = (keys.shape[0], keys.shape[1])
        entry = self._entries.get(name)
        if entry is not None and entry.rows != rows:
            raise StateError(
                f"this state belongs to a request with batch {entry.rows[0]} and {entry.rows[1]} KV heads, "
                f"and was given keys with {rows[0]} and {rows[1]}: use one AttentionState a request"
            )
        length = keys.shape[2]
        if entry is not None and (length - new < entry.fitted or entry.key_offset != key_offset):
            entry = None
        if entry is None:
            made = create()
            if made is None:
                return None
            entry = _Entry(made, rows, self._fit_length(length, key_offset), key_offset)
            saved = self._saved.pop(name, None)
            if saved is not None and key_offset == 0 and (saved.rows, saved.fitted) == (rows, entry.fitted):
                made.restore(saved.on(keys.device))
                made.truncate(min(made.length, length - new))
            else:
                made.fit(keys[:, :, : entry.fitted])
            self._entries[name] = entry
        else:
            entry.index.truncate(min(entry.index.length, length - new))
        if entry.index.length < length:
            entry.index.append(keys[:, :, entry.index.length :])
        return entry.index

    def truncate(self, length: int) -> None:
        """Forget every key after the first ``length``; indexes fitted on more, or on a moved window, are forgotten."""
        if length < 0:
            raise StateError(f"a state is truncated to 0 or more keys, not {length}")
        for name, entry in list(self._entries.items()):
            if length < entry.fitted or entry.key_offset > 0:
                del self._entries[name]
                continue
            entry.index.truncate(min(entry.index.length, length))

    def _fit_length(self, length: int, key_offset: int) -> int:
        """A window that has moved no longer holds the context's beginning: its index is fitted on what is there."""
        if self.context_length is None or key_offset > 0:
            return length
        return min(self.context_length, length)
