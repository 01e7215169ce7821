"""Rows as columns for a page: a name is written once however many rows repeat it."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import Any

__all__ = ["columns_of", "script_safe"]


def columns_of(rows: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
    """Each field of the rows as a list, or, where values repeat, as ``{"values": [...], "codes": [...]}``.

    A code is a place in ``values``; -1 stands for null.
    """
    names = list(dict.fromkeys(name for row in rows for name in row))
    return {name: _coded([row.get(name) for row in rows]) for name in names}


def _coded(column: list[Any]) -> Any:
    if all(value is None or isinstance(value, int | float) for value in column) and any(
        value is not None for value in column
    ):
        return column
    places: dict[str, int] = {}
    values: list[Any] = []
    codes = []
    for value in column:
        key = "" if value is None else json.dumps(value, sort_keys=True, ensure_ascii=False)
        if value is not None and key not in places:
            places[key] = len(values)
            values.append(value)
        codes.append(-1 if value is None else places[key])
    return {"values": values, "codes": codes}


def script_safe(value: Any) -> str:
    """JSON that can stand in a ``<script>`` whatever it holds: no ``<`` is left in it."""
    text = json.dumps(value, ensure_ascii=False, allow_nan=False, separators=(",", ":"))
    return text.replace("<", "\\u003c")
