"""Layers as a config names them: one, a range, or a list of both."""

from __future__ import annotations

import re
from typing import Annotated, Any

from pydantic import BeforeValidator, Field, WithJsonSchema

from .wording import custom_error

__all__ = ["Layers"]

_RANGE = re.compile(r"(\d+)-(\d+)", re.ASCII)
_MOST = 10_000
"""Layers that no model reaches; a range is held as the layers in it."""


def _numbers(value: Any) -> Any:
    parts = value if isinstance(value, list | tuple) else (value,)
    return tuple(sorted({number for part in parts for number in _one(part)}))


def _one(part: Any) -> range:
    if isinstance(part, str) and (found := _RANGE.fullmatch(part)):
        first, last = map(int, found.groups())
    elif isinstance(part, int) and not isinstance(part, bool):
        first = last = part
    else:
        raise custom_error("layers", f"Input should be a layer, a range such as 4-7, or a list of both, not {part!r}")
    if not 0 <= first <= last < _MOST:
        raise custom_error("layers", f"layers are counted from 0 up, and a range from the lower to the higher: {part}")
    return range(first, last + 1)


_LAYER = {"anyOf": [{"type": "integer", "minimum": 0}, {"type": "string", "pattern": r"^[0-9]+-[0-9]+$"}]}

Layers = Annotated[
    tuple[int, ...],
    BeforeValidator(_numbers),
    Field(min_length=1),
    WithJsonSchema({"anyOf": [*_LAYER["anyOf"], {"type": "array", "items": _LAYER, "minItems": 1}]}),
]
"""Written as ``3``, ``4-7`` or ``[0, 4-7]``, held as the numbers in order."""
