"""Read JSON into nodes: the standard's grammar to the letter, with every value's place."""

from __future__ import annotations

import json
import re
from bisect import bisect_right
from collections.abc import Callable

from .nodes import Entry, Node, Place, Scalar, TextError, check_depth

__all__ = ["read_json"]

_SPACE = re.compile(r"[ \t\n\r]*")
_STRING = re.compile(r'"(?:[^"\\\n]|\\.)*"')
_NUMBER = re.compile(r"-?(?:0|[1-9][0-9]*)(\.[0-9]+)?([eE][-+]?[0-9]+)?")
_WORD = re.compile(r"[^\s,:\[\]{}\"]+")
_CONSTANTS: dict[str, Scalar] = {"null": None, "true": True, "false": False}
_DIGITS = 100


def read_json(text: str) -> Node | None:
    """The text's value, or None where there is none; raises ``TextError`` where it is not JSON."""
    reader = _Reader(text)
    if reader.at_end():
        return None
    node = reader.value(depth=1)
    if not reader.at_end():
        raise reader.error("not valid JSON: there is more after the end of the value")
    return node


class _Reader:
    def __init__(self, text: str) -> None:
        self._text = text
        self._at = 0
        self._line_starts = [0, *(match.end() for match in re.finditer("\n", text))]

    def at_end(self) -> bool:
        return self._next() == ""

    def error(self, message: str, at: int | None = None) -> TextError:
        return TextError(self._place(at), message)

    def value(self, depth: int) -> Node:
        character, place = self._next(), self._place()
        check_depth(depth, place)
        if character == "{":
            return Node(place, self._object(depth))
        if character == "[":
            return Node(place, self._array(depth))
        if character == '"':
            return Node(place, self._string())
        return Node(place, self._word())

    def _next(self) -> str:
        """Skip white space; the character there, empty at the end."""
        match = _SPACE.match(self._text, self._at)
        self._at = match.end() if match else self._at
        return self._text[self._at : self._at + 1]

    def _place(self, at: int | None = None) -> Place:
        at = self._at if at is None else at
        line = bisect_right(self._line_starts, at)
        return Place(line, at - self._line_starts[line - 1] + 1)

    def _object(self, depth: int) -> dict[str, Entry]:
        entries: dict[str, Entry] = {}

        def entry() -> None:
            if self._next() != '"':
                raise self.error("not valid JSON: expected a field's name in double quotes")
            place, key = self._place(), self._string()
            if key in entries:
                first = entries[key].key_place
                raise TextError(place, f"the field {key!r} is given twice, first in line {first.line}")
            if self._next() != ":":
                raise self.error(f"not valid JSON: expected a colon after {key!r}")
            self._at += 1
            entries[key] = Entry(place, self.value(depth + 1))

        self._separated("}", entry)
        return entries

    def _array(self, depth: int) -> tuple[Node, ...]:
        items: list[Node] = []
        self._separated("]", lambda: items.append(self.value(depth + 1)))
        return tuple(items)

    def _separated(self, end: str, item: Callable[[], None]) -> None:
        self._at += 1
        if self._next() == end:
            self._at += 1
            return
        while True:
            item()
            character = self._next()
            if character not in (",", end):
                raise self.error(f"not valid JSON: expected , or {end}")
            self._at += 1
            if character == end:
                return

    def _string(self) -> str:
        match = _STRING.match(self._text, self._at)
        if match is None:
            raise self.error("not valid JSON: this string does not end in its line")
        try:
            value: str = json.loads(match.group())
        except json.JSONDecodeError as error:
            raise self.error(f"not valid JSON: {error.msg.lower()} in a string", self._at + error.pos) from error
        self._at = match.end()
        return value

    def _word(self) -> Scalar:
        match = _WORD.match(self._text, self._at)
        word = match.group() if match else ""
        if word in _CONSTANTS:
            value = _CONSTANTS[word]
        elif number := _NUMBER.fullmatch(word):
            if len(word) > _DIGITS:
                raise self.error(f"a number of {len(word)} characters is more than a config needs")
            value = float(word) if number.group(1) or number.group(2) else int(word)
        elif word:
            raise self.error(f"not valid JSON: {word[:40]} is no value (a string stands in double quotes)")
        else:
            raise self.error("not valid JSON: expected a value")
        self._at += len(word)
        return value
