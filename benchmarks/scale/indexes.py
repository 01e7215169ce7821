"""How many bytes a masker's index holds, and how many of them a decode step reads, in closed form."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any, Final

import attrs

from sah_core import MaskerConfig

__all__ = ["KeyHeads", "index_bytes", "read_bytes"]

_LONG: Final = 8
"""Bytes of an int64 or a float64."""
_LARGEST_CODE: Final = 2**15
_TAIL: Final = 128


@attrs.frozen
class KeyHeads:
    """The keys of a layer: how many KV heads, how wide, bytes a value, and how many query heads share each."""

    count: int
    width: int
    itemsize: int
    group: int = 1


def index_bytes(masker: MaskerConfig, heads: KeyHeads, keys: int, context: int | None = None) -> int:
    """What the index of one layer holds of ``keys`` keys, of which the first ``context`` (None: all) were there to fit.

    Exact for one sequence without padding. Raises ValueError for a kind of masker that it does not know.
    """
    return _of(masker).held(masker, heads, keys, keys if context is None else context)


def read_bytes(masker: MaskerConfig, heads: KeyHeads, keys: int) -> float:
    """What of it a decode step has to read, to choose among ``keys`` keys: all that there is of every key.

    Of hash tables: the buckets that the queries fall into, if all are equally full, and the counts of all keys.
    Raises ValueError for a kind of masker that it does not know.
    """
    return _of(masker).read(masker, heads, keys)


@attrs.frozen
class _Index:
    held: Callable[[Any, KeyHeads, int, int], int]
    read: Callable[[Any, KeyHeads, int], float]


def _of(masker: MaskerConfig) -> _Index:
    if masker.kind in _NONE:
        return _Index(lambda *_: 0, lambda *_: 0.0)
    if masker.kind not in _INDEXES:
        raise ValueError(f"a masker with a known index is expected, one of {', '.join(_INDEXES)}, not {masker.kind}")
    return _INDEXES[masker.kind]


def _quest(masker: Any, heads: KeyHeads, keys: int, context: int) -> int:
    """Two corners a page."""
    pages = math.ceil(keys / int(masker.page_size))
    return heads.count * pages * 2 * heads.width * heads.itemsize


def _labels(masker: Any, heads: KeyHeads) -> tuple[int, int]:
    """Bytes of a key's label, and of the list of channels."""
    if masker.channels == "online":
        return 0, 0
    channels = heads.width // int(masker.group_factor)
    if masker.label_bits == 16:
        return channels * heads.itemsize, channels * _LONG
    field = next(width for width in (1, 2, 4, 8, 16) if width >= masker.label_bits)
    return math.ceil(channels * field / 8) + 2 * heads.itemsize, channels * _LONG


def _double_sparsity(masker: Any, heads: KeyHeads, keys: int, context: int) -> int:
    """A few bits of each heavy channel, scale and zero point of each key; and which channels they are."""
    label, channels = _labels(masker, heads)
    return heads.count * (keys * label + channels)


def _hashattention(masker: Any, heads: KeyHeads, keys: int, context: int) -> int:
    """A signature a key."""
    return heads.count * keys * math.ceil(int(masker.bits) / 8)


def _centroids(masker: Any, context: int) -> tuple[int, int]:
    """How many a part has, and how many parts share a code."""
    count = min(2 ** int(masker.bits), max(context, 1))
    together = 1
    while together < masker.subvectors and count ** (together + 1) <= min(context, _LARGEST_CODE):
        together += 1
    return count, together


def _codes(masker: Any, context: int) -> int:
    """Bytes of a key's codes."""
    count, together = _centroids(masker, context)
    return math.ceil(int(masker.subvectors) / together) * (1 if count**together <= 256 else 2)


def _pqcache(masker: Any, heads: KeyHeads, keys: int, context: int) -> int:
    """Joint codes of each key; centroids, how far they reach, and how many keys have each code; padding."""
    count, together = _centroids(masker, context)
    parts = int(masker.subvectors)
    width = heads.width + (parts if masker.metric == "inner_product" else 0)
    counted = 4 * count**parts if together == parts else 0
    fixed = count * width * heads.itemsize + parts * _LONG + counted
    return heads.count * (keys * _codes(masker, context) + fixed) + _LONG


def _magicpig(masker: Any, heads: KeyHeads, keys: int, context: int) -> int:
    """A place in every table for keys that are sorted, a code for each table for those that are not yet; lengths.

    And projections, where each bucket begins, the mean; padding.
    """
    tables, bits = int(masker.tables), int(masker.bits)
    ordered = context if context > _TAIL else 0
    if keys - ordered > max(_TAIL, keys // 64):
        ordered = keys
    of_keys = 4 * tables * ordered + 2 * tables * (keys - ordered) + _LONG * keys
    fixed = 4 * tables * ((1 << bits) + 1) + 4 * heads.width * tables * bits + _LONG * heads.width
    return heads.count * (of_keys + fixed) + _LONG


def _read_buckets(masker: Any, heads: KeyHeads, keys: int) -> float:
    """Int32 places in the buckets, and an int16 count a key that is written and read."""
    rows = heads.count * heads.group
    return rows * (4 * int(masker.tables) * keys / (1 << int(masker.bits)) + 2 * 2 * keys)


_NONE: Final = frozenset({"sink", "local", "causal", "oracle_top_k", "oracle_top_p", "random", "vattention"})
_INDEXES: Final[dict[str, _Index]] = {
    "quest": _Index(_quest, lambda masker, heads, keys: _quest(masker, heads, keys, keys)),
    "double_sparsity": _Index(
        _double_sparsity, lambda masker, heads, keys: heads.count * keys * _labels(masker, heads)[0]
    ),
    "hashattention": _Index(_hashattention, lambda masker, heads, keys: _hashattention(masker, heads, keys, keys)),
    "pqcache": _Index(_pqcache, lambda masker, heads, keys: heads.count * keys * _codes(masker, keys)),
    "magicpig": _Index(_magicpig, _read_buckets),
}
