"""Read YAML 1.2, nothing but data, into nodes.

ruamel.yaml turns the text into events; what a value means is decided here, by YAML 1.2's core schema.
So ``on`` and ``yes`` are strings, tags are refused, and a number with a leading zero, which YAML 1.1 and 1.2 read
differently, is refused too.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

from ruamel.yaml import YAML
from ruamel.yaml.error import MarkedYAMLError
from ruamel.yaml.reader import ReaderError

from .nodes import Entry, Node, Place, Scalar, TextError, check_depth

__all__ = ["read_yaml"]

_CONSTANTS: dict[str, Scalar] = {
    **dict.fromkeys(("", "~", "null", "Null", "NULL")),
    **dict.fromkeys(("true", "True", "TRUE"), True),
    **dict.fromkeys(("false", "False", "FALSE"), False),
    **dict.fromkeys((".nan", ".NaN", ".NAN"), float("nan")),
    **dict.fromkeys((".inf", ".Inf", ".INF", "+.inf", "+.Inf", "+.INF"), float("inf")),
    **dict.fromkeys(("-.inf", "-.Inf", "-.INF"), float("-inf")),
}
_INTEGER = re.compile(r"[-+]?(0|[1-9][0-9]{0,99})")
_BASED = re.compile(r"0o[0-7]{1,99}|0x[0-9a-fA-F]{1,99}")
_FLOAT = re.compile(r"[-+]?(\.[0-9]+|(0|[1-9][0-9]*)(\.[0-9]*)?)([eE][-+]?[0-9]+)?")
_OTHERWISE = re.compile(r"[-+]?0[0-9_]+|[-+]?[0-9][0-9_]*_[0-9_.]*|0b[01_]+|[-+]?[0-9]{100,}|[-+]?0[0-9]+\.[0-9]*")


def read_yaml(text: str) -> Node | None:
    """The text's one document, or None where there is none; raises ``TextError`` where it is not YAML we accept."""
    # A parser object a text: ruamel's keeps state between texts.
    return _Composer(_events(text)).document()


def _events(text: str) -> Iterator[Any]:
    try:
        yield from YAML(typ="safe", pure=True).parse(text)
    except MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        place = Place(mark.line + 1, mark.column + 1) if mark else Place(1, 1)
        hint = "; indent with spaces, not with tabs" if "\\t" in str(error.problem) else ""
        raise TextError(place, f"not valid YAML: {error.problem}{hint}") from error
    except ReaderError as error:
        before = text[: error.position]
        place = Place(before.count("\n") + 1, error.position - before.rfind("\n"))
        character = error.character if isinstance(error.character, int) else ord(error.character)
        said = f"not valid YAML: the character U+{character:04X} may not stand here"
        raise TextError(place, said) from error
    except TextError:
        raise
    # The text is anyone's, and the parser answers some oddities (a %YAML 1.3 directive) with other exceptions.
    except Exception as error:
        raise TextError(Place(1, 1), f"not valid YAML: {error}") from error


class _Composer:
    def __init__(self, events: Iterator[Any]) -> None:
        self._events = events
        self._anchors: dict[str, Node] = {}

    def document(self) -> Node | None:
        next(self._events)  # the stream's start
        event = next(self._events)
        if _is(event, "StreamEnd"):
            return None
        if event.version not in (None, (1, 2)):
            raise TextError(_place(event), "a config is YAML 1.2: remove the %YAML directive")
        node = self._node(next(self._events), depth=1)
        next(self._events)  # the document's end
        event = next(self._events)
        if not _is(event, "StreamEnd"):
            raise TextError(_place(event), "a config is one YAML document, and here a second one starts")
        return node

    def _node(self, event: Any, depth: int) -> Node:
        place = _place(event)
        if _is(event, "Alias"):
            if event.anchor not in self._anchors:
                raise TextError(place, f"the alias *{event.anchor} has no anchor &{event.anchor} before it")
            return Node(place, self._anchors[event.anchor].value)
        if event.tag is not None:
            raise TextError(place, f"a config holds plain values: remove the tag {event.tag}")
        check_depth(depth, place)
        if _is(event, "MappingStart"):
            node = Node(place, self._mapping(depth))
        elif _is(event, "SequenceStart"):
            node = Node(place, self._sequence(depth))
        else:
            node = Node(place, event.value if event.style else _scalar(event.value, place))
        if event.anchor:
            self._anchors[event.anchor] = node
        return node

    def _sequence(self, depth: int) -> tuple[Node, ...]:
        items = []
        while not _is(event := next(self._events), "SequenceEnd"):
            items.append(self._node(event, depth + 1))
        return tuple(items)

    def _mapping(self, depth: int) -> dict[str, Entry]:
        entries: dict[str, Entry] = {}
        while not _is(event := next(self._events), "MappingEnd"):
            key = self._node(event, depth + 1)
            if not isinstance(key.value, str):
                raise TextError(key.place, "a field's name is a string: put it in quotes")
            if key.value in entries:
                first = entries[key.value].key_place
                raise TextError(key.place, f"the field {key.value!r} is given twice, first in line {first.line}")
            entries[key.value] = Entry(key.place, self._node(next(self._events), depth + 1))
        return entries


def _is(event: Any, name: str) -> bool:
    return type(event).__name__ == f"{name}Event"


def _place(event: Any) -> Place:
    return Place(event.start_mark.line + 1, event.start_mark.column + 1)


def _scalar(text: str, place: Place) -> Scalar:
    if text in _CONSTANTS:
        return _CONSTANTS[text]
    if _INTEGER.fullmatch(text):
        return int(text)
    if _BASED.fullmatch(text):
        return int(text, 0)
    if _FLOAT.fullmatch(text):
        return float(text)
    if _OTHERWISE.fullmatch(text):
        raise TextError(
            place,
            f"{text} is not the same number to every YAML reader: write a plain decimal number, or quotes for a string",
        )
    return text
