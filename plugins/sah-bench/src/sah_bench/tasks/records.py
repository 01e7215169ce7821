"""Read the records of a file, one at a time, each with the place where it stands."""

from __future__ import annotations

import csv
import json
import math
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

from attrs import frozen

from sah_core.errors import ConfigError

from .configs import FILE_ENDINGS

__all__ = ["Record", "read_json_lines", "read_records", "shown"]


@frozen
class Record:
    """A line, an object or a row, as it was written."""

    place: str
    """``file:line``, or the file and the number of the row, from 1."""
    values: dict[str, Any]
    all_text: bool = False
    """Whether the format has strings only, as CSV does."""


def read_records(name: str) -> Iterator[Record]:
    """The records of a .jsonl, .json, .csv or .parquet file, in their order; every value of a CSV is a string.

    Nothing after the last record that is taken is looked at, where the format allows it.
    Raises ConfigError in one sentence, with file and line or row, for whatever cannot be read.
    """
    reader = _READERS.get(Path(name).suffix.lower())
    if reader is None:
        raise ConfigError(f"{name}: a table of one's own ends in {', '.join(_READERS)}")
    try:
        yield from reader(name)
    except FileNotFoundError as error:
        raise ConfigError(f"{name}: there is no such file") from error
    except IsADirectoryError as error:
        raise ConfigError(f"{name}: this is a directory, and a table is a file") from error
    except (OSError, ValueError) as error:  # ValueError: no UTF-8, no Parquet, or a name that is none
        reason = getattr(error, "strerror", None) or " ".join(str(error).split())
        raise ConfigError(f"{name}: the file cannot be read: {reason}") from error


def read_json_lines(name: str, lines: Iterable[bytes]) -> Iterator[Record]:
    """The records of JSON lines that are open already, such as a file in an archive; ``name`` is what errors call it.

    Raises ConfigError in one sentence, with name and line, for a line that is no JSON object.
    """
    for number, line in enumerate(lines, 1):
        if line.strip():
            place = f"{name}:{number}"
            yield _record(place, _parsed(place, line))


def _json_lines(name: str) -> Iterator[Record]:
    with open(name, "rb") as file:  # as text, lines would also end where none was meant to
        yield from read_json_lines(name, file)


def _json_list(name: str) -> Iterator[Record]:
    found = _parsed(name, Path(name).read_bytes())
    if not isinstance(found, list):
        raise ConfigError(f"{name}: a .json table is a list of objects, not {shown(found)}")
    for number, value in enumerate(found, 1):
        yield _record(f"{name}, row {number}", value)


def _csv(name: str) -> Iterator[Record]:
    header, *rows = _csv_rows(name) or [(0, [])]
    names = header[1]
    for number, row in rows:
        if len(row) != len(names):
            raise ConfigError(f"{name}:{number}: has {len(row)} columns, and the first line names {len(names)}")
        yield Record(f"{name}:{number}", dict(_distinct(name, zip(names, row, strict=True))), all_text=True)


def _csv_rows(name: str) -> list[tuple[int, list[str]]]:
    """Every row that is not empty, with the line where it begins."""
    limit = csv.field_size_limit()
    csv.field_size_limit(max(limit, Path(name).stat().st_size))  # contexts are longer than the 128 KiB that it allows
    try:
        with open(name, encoding="utf-8-sig", newline="") as file:
            reader = csv.reader(file, strict=True)
            found, begins = [], 1
            for row in reader:
                if row:
                    found.append((begins, row))
                begins = reader.line_num + 1
            return found
    except csv.Error as error:
        raise ConfigError(f"{name}:{begins}: no CSV: {error}") from error
    finally:
        csv.field_size_limit(limit)


def _parquet(name: str) -> Iterator[Record]:
    from pyarrow import parquet  # type: ignore[import-untyped]  # it has no types

    number = 0
    with parquet.ParquetFile(name) as file:
        dict(_distinct(name, ((column, None) for column in file.schema_arrow.names)))
        for batch in file.iter_batches(batch_size=64):
            for values in batch.to_pylist():
                number += 1
                yield Record(f"{name}, row {number}", {key: _null_if_nan(value) for key, value in values.items()})


_READERS = dict(zip(FILE_ENDINGS, (_json_lines, _json_list, _csv, _parquet), strict=True))


def _parsed(place: str, text: bytes) -> Any:
    try:
        return json.loads(
            text.decode("utf-8-sig"),
            object_pairs_hook=lambda pairs: dict(_distinct(place, pairs)),
            parse_constant=_no_constant,
        )
    except json.JSONDecodeError as error:
        line = f" line {error.lineno}" if error.lineno > 1 else ""
        raise ConfigError(f"{place}: no JSON: {error.msg} at{line} column {error.colno}") from error
    except UnicodeDecodeError as error:
        raise ConfigError(f"{place}: no UTF-8 text (byte 0x{error.object[error.start]:02x})") from error
    except (ValueError, RecursionError) as error:  # NaN; a number of thousands of digits; thousands of brackets
        raise ConfigError(f"{place}: no JSON that can be read: {error}") from error


def _no_constant(name: str) -> None:
    raise ValueError(f"{name} is no JSON value")


def _record(place: str, value: Any) -> Record:
    if not isinstance(value, dict):
        raise ConfigError(f"{place}: should be an object with the columns as its keys, not {shown(value)}")
    return Record(place, value)


def _distinct(place: str, pairs: Iterable[tuple[str, Any]]) -> Iterator[tuple[str, Any]]:
    seen = set()
    for key, value in pairs:
        if key in seen:
            raise ConfigError(f"{place}: has {key!r} twice")
        seen.add(key)
        yield key, value


def _null_if_nan(value: Any) -> Any:
    """Null for what pandas writes where a number is missing."""
    return None if isinstance(value, float) and math.isnan(value) else value


def shown(value: Any) -> str:
    """A value as JSON for an error, cut where it is long."""
    text = json.dumps(value, ensure_ascii=False, default=repr)
    return text if len(text) <= 40 else f"{text[:37]}..."
