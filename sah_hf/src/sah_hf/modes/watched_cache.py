"""Hear of what is done to a KV cache between forwards: rows reordered, chosen or repeated, columns taken away.

Beam search reorders a cache's rows, assisted decoding crops its last columns, users do both. A forward that comes later
cannot tell; indexes of the keys must follow.
"""

from __future__ import annotations

import threading
from typing import Any, Protocol
from weakref import WeakKeyDictionary, WeakSet, ref

import torch
from torch import Tensor

__all__ = ["Watcher", "forget_watchers", "unwatch", "watch"]

_MOVING_ROWS = ("reorder_cache", "batch_select_indices", "batch_repeat_interleave")
_TAKING_COLUMNS = ("crop", "reset")


class Watcher(Protocol):
    """Who wants to hear of a cache."""

    def rows_moved(self, cache: Any) -> None:
        """The cache's rows are no longer the same, or not in the same order."""

    def shortened(self, cache: Any, length: int) -> None:
        """The cache now holds its first ``length`` columns at most."""


_lock = threading.Lock()
_watchers: WeakKeyDictionary[Any, WeakSet[Any]] = WeakKeyDictionary()


def watch(cache: Any, watcher: Watcher) -> None:
    """From now on the watcher hears of this cache; of copies of it, it does not."""
    if watcher in _watchers.get(cache, ()):
        return
    with _lock:
        _watchers.setdefault(cache, WeakSet()).add(watcher)
        for name in (*_MOVING_ROWS, *_TAKING_COLUMNS):
            if name not in vars(cache) and hasattr(cache, name):
                vars(cache)[name] = _Heard(cache, name)


def unwatch(cache: Any, watcher: Watcher) -> None:
    """The watcher hears of this cache no more; without one left it is as it was."""
    with _lock:
        watchers = _watchers.get(cache)
        if watchers is not None:
            watchers.discard(watcher)
            if not watchers:
                del _watchers[cache]
                forget_watchers(cache)


def forget_watchers(copied: Any) -> None:
    """Nobody hears of this cache, a shallow copy of one that may be watched."""
    for name in [name for name, own in vars(copied).items() if isinstance(own, _Heard)]:
        del vars(copied)[name]


class _Heard:
    """A method of one cache: does what its class's does, and tells the watchers.

    The cache is held weakly: a cycle would keep its memory until the garbage collector comes by.
    """

    def __init__(self, cache: Any, name: str) -> None:
        self._cache = ref(cache)
        self._name = name

    def __call__(self, *args: Any, **keywords: Any) -> Any:
        cache: Any = self._cache()
        result = getattr(type(cache), self._name)(cache, *args, **keywords)
        with _lock:
            watchers = list(_watchers.get(cache, ()))
        for watcher in watchers:
            if self._name in _TAKING_COLUMNS:
                watcher.shortened(cache, int(cache.get_seq_length()))
            elif self._name != "reorder_cache" or not _in_order(*args, *keywords.values()):
                watcher.rows_moved(cache)
        return result

    def __deepcopy__(self, memo: dict[int, Any]) -> _Heard:
        cache = self._cache()
        return _Heard(memo.get(id(cache), cache), self._name)

    def __reduce__(self) -> Any:
        return getattr, (self._cache(), self._name)


def _in_order(rows: Tensor) -> bool:
    """Whether a new order of the rows leaves each where it is."""
    return torch.equal(rows, torch.arange(len(rows), dtype=rows.dtype, device=rows.device))
