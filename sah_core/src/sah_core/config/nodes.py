"""The tree that a JSON or YAML text is read into: plain values that remember where they were written."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TypeAlias

import attrs

__all__ = [
    "MAX_DEPTH",
    "MAX_NODES",
    "Entry",
    "Node",
    "Place",
    "Plain",
    "Scalar",
    "TextError",
    "check_depth",
    "place_of",
    "plain",
]

MAX_DEPTH = 32
"""How deep a config may be nested; a real one has five levels."""

MAX_NODES = 20_000
"""How many values a config may hold, counting what a YAML alias repeats."""

Scalar: TypeAlias = str | int | float | bool | None
Plain: TypeAlias = "Scalar | list[Plain] | dict[str, Plain]"


@attrs.frozen(order=True)
class Place:
    """A position in a text, both counted from 1."""

    line: int
    column: int

    def __str__(self) -> str:
        return f"{self.line}:{self.column}"


class TextError(Exception):
    """A text is not the JSON or YAML that a config may be, and where."""

    def __init__(self, place: Place, message: str) -> None:
        super().__init__(message)
        self.place = place


@attrs.frozen
class Entry:
    """A mapping's entry: where its key stands, and its value."""

    key_place: Place
    value: Node


@attrs.frozen
class Node:
    """A value and where it starts: a scalar, a sequence (a tuple of nodes) or a mapping (a dict of entries)."""

    place: Place
    value: Scalar | tuple[Node, ...] | dict[str, Entry]


def plain(root: Node) -> Plain:
    """The value as lists, dicts and scalars.

    Raises ``TextError`` where YAML's aliases blow it up past ``MAX_NODES`` values or ``MAX_DEPTH`` levels.
    """
    left = MAX_NODES

    def build(node: Node, depth: int) -> Plain:
        nonlocal left
        left -= 1
        if left < 0:
            raise TextError(node.place, f"a config holds at most {MAX_NODES} values, with what its aliases repeat")
        check_depth(depth, node.place)
        if isinstance(node.value, tuple):
            return [build(item, depth + 1) for item in node.value]
        if isinstance(node.value, dict):
            return {key: build(entry.value, depth + 1) for key, entry in node.value.items()}
        return node.value

    return build(root, depth=1)


def check_depth(depth: int, place: Place) -> None:
    """Raise ``TextError`` for a value that is nested deeper than ``MAX_DEPTH``."""
    if depth > MAX_DEPTH:
        raise TextError(place, f"nested deeper than {MAX_DEPTH} levels, more than a config has")


def place_of(root: Node, path: Sequence[str | int]) -> Place:
    """Where the last step of the path that exists is written: a field at its key, an item at its start."""
    node, place = root, root.place
    for step in path:
        if isinstance(node.value, dict) and isinstance(step, str) and step in node.value:
            entry = node.value[step]
            node, place = entry.value, entry.key_place
        elif isinstance(node.value, tuple) and isinstance(step, int) and step < len(node.value):
            node = node.value[step]
            place = node.place
        else:
            break
    return place
