"""Rows of measurements, and the JSON file that holds them."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import attrs

from benchmarks.timing.statistics import Spread

__all__ = ["Record", "Row", "read_records", "write_record"]


@attrs.frozen
class Row:
    """What was measured of one operation."""

    table: str
    """The title of the table that it stands in."""
    operation: str
    setting: dict[str, Any]
    """What it was measured at: dtype, context and so on."""
    milliseconds: dict[str, Spread]
    """One call of each contender, by name."""
    ratios: dict[str, Spread] = attrs.field(factory=dict)
    """How many times as long the reference takes, by name of the contender; without one, what the name says."""
    reference: str | None = None
    """The contender that the ratios are against."""
    config: dict[str, Any] | None = None
    """The ``attention`` section that was used."""
    density: float | None = None
    """Attended over visible keys, counted from the mask."""
    path: str | None = None
    """How the output was computed, as the backend says."""
    nbytes: dict[str, int] = attrs.field(factory=dict)
    """What must be read, or was held."""
    limits_ms: dict[str, float] = attrs.field(factory=dict)
    """Milliseconds in which that could be read at the measured bandwidth."""
    numbers: dict[str, float] = attrs.field(factory=dict)
    """What else there is to say."""


@attrs.frozen
class Record:
    """One run of one benchmark."""

    benchmark: str
    command: str
    threads: int
    bandwidth: float
    """Bytes a second, measured at the start."""
    machine: dict[str, str]
    versions: dict[str, str]
    rows: tuple[Row, ...]


def write_record(path: Path, record: Record) -> dict[str, Record]:
    """Put the record into the file, in place of an earlier one of the same benchmark; all records of the file."""
    records = {**read_records(path), record.benchmark: record}
    path.parent.mkdir(parents=True, exist_ok=True)
    content = {name: attrs.asdict(each) for name, each in sorted(records.items())}
    partial = path.with_suffix(".partial")
    partial.write_text(json.dumps(content, indent=1) + "\n", encoding="utf-8")
    partial.replace(path)
    return read_records(path)


def read_records(path: Path) -> dict[str, Record]:
    """The records that the file holds, by benchmark; none where there is no file."""
    if not path.exists():
        return {}
    return {name: _record(content) for name, content in json.loads(path.read_text(encoding="utf-8")).items()}


def _record(content: Mapping[str, Any]) -> Record:
    return Record(**{**content, "rows": tuple(_row(row) for row in content["rows"])})


def _row(content: Mapping[str, Any]) -> Row:
    spreads = {
        field: {name: Spread(**spread) for name, spread in content[field].items()}
        for field in ("milliseconds", "ratios")
    }
    return Row(**{**content, **spreads})
