"""Put rows of one context together, as tasks have to: then a context is read once for all its questions."""

from __future__ import annotations

from collections.abc import Iterable

from .row import Row

__all__ = ["by_context"]


def by_context(rows: Iterable[Row]) -> tuple[Row, ...]:
    """The rows, contexts in the order of their first appearance, and those of one in the order in which they came."""
    groups: dict[str, list[Row]] = {}
    for row in rows:
        groups.setdefault(row.context, []).append(row)
    return tuple(row for group in groups.values() for row in group)
