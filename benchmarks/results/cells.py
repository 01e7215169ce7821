"""Rows as cells of text: the same for the terminal and for the page."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from functools import partial
from typing import Any

import attrs

from benchmarks.timing.statistics import Spread

from .record import Row

__all__ = ["Cells", "digits", "spread", "tables"]

_NOTHING = "-"


@attrs.frozen
class Cells:
    """A table."""

    title: str
    header: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...]


def tables(rows: Sequence[Row]) -> list[Cells]:
    """One for each title, in the order in which they first come."""
    titles = dict.fromkeys(row.table for row in rows)
    return [_cells(title, [row for row in rows if row.table == title]) for title in titles]


def digits(value: float) -> str:
    """Three significant digits, or all those before the point: 0.0123, 1.23, 12.3, 1234."""
    return f"{value:.0f}" if value == 0 or abs(value) >= 99.95 else f"{value:#.3g}"


def spread(value: Spread) -> str:
    """A middle value and its range: 35.2 (30.1 to 39.0)."""
    return f"{digits(value.median)} ({digits(value.low)} to {digits(value.high)})"


def _cells(title: str, rows: Sequence[Row]) -> Cells:
    """Operation, setting, density, path, milliseconds, limits, ratios and other numbers; what all rows share goes into
    the title."""
    settings = _names(row.setting for row in rows)
    alike = [name for name in settings if len({str(row.setting.get(name)) for row in rows}) == 1]
    columns: list[tuple[str, Callable[[Row], str]]] = [("operation", _operation)]
    columns += [(name, partial(_setting, name)) for name in settings if name not in alike]
    if any(row.density is not None for row in rows):
        columns.append(("density", _density))
    if any(row.path is not None for row in rows):
        columns.append(("path", _path))
    columns += [(f"{name} ms", partial(_milliseconds, name)) for name in _names(row.milliseconds for row in rows)]
    columns += [(f"limit of {name} ms", partial(_limit, name)) for name in _names(row.limits_ms for row in rows)]
    columns += [(f"x {name}", partial(_ratio, name)) for name in _names(row.ratios for row in rows)]
    columns += [(name, partial(_number, name)) for name in _names(row.numbers for row in rows)]
    return Cells(
        ", ".join([title, *(f"{name} {rows[0].setting[name]}" for name in alike)]),
        tuple(name for name, _ in columns),
        tuple(tuple(shown(row) for _, shown in columns) for row in rows),
    )


def _names(mappings: Iterable[Mapping[str, Any]]) -> list[str]:
    return list(dict.fromkeys(name for mapping in mappings for name in mapping))


def _operation(row: Row) -> str:
    return row.operation


def _setting(name: str, row: Row) -> str:
    return str(row.setting.get(name, _NOTHING))


def _density(row: Row) -> str:
    return _NOTHING if row.density is None else f"{row.density:.2%}"


def _path(row: Row) -> str:
    return row.path or _NOTHING


def _milliseconds(name: str, row: Row) -> str:
    return digits(row.milliseconds[name].median) if name in row.milliseconds else _NOTHING


def _limit(name: str, row: Row) -> str:
    return digits(row.limits_ms[name]) if name in row.limits_ms else _NOTHING


def _ratio(name: str, row: Row) -> str:
    return spread(row.ratios[name]) if name in row.ratios else _NOTHING


def _number(name: str, row: Row) -> str:
    return digits(row.numbers[name]) if name in row.numbers else _NOTHING
