"""The values of a record, checked: what a set's column should hold, or one sentence about what it holds instead."""

from __future__ import annotations

from collections.abc import Iterable

from sah_bench.tasks.records import Record, shown
from sah_core.errors import ConfigError

__all__ = ["filled_text_of", "text_of", "texts_of"]


def text_of(record: Record, column: str) -> str:
    """A column's text, which may be empty; raises ConfigError for anything else."""
    value = record.values[column]
    if not isinstance(value, str):
        raise ConfigError(f"{record.place}: {column} should be a string, not {shown(value)}")
    _check_encodable(record, column, [value])
    return value


def filled_text_of(record: Record, column: str) -> str:
    """A column's text; raises ConfigError where it is empty or none."""
    value = text_of(record, column)
    if not value.strip():
        raise ConfigError(f"{record.place}: {column} is empty")
    return value


def texts_of(record: Record, column: str) -> tuple[str, ...]:
    """The texts of a column that lists some; raises ConfigError where it has none, or lists anything else."""
    value = record.values[column]
    if not isinstance(value, list) or not value or not all(isinstance(text, str) for text in value):
        raise ConfigError(f"{record.place}: {column} should be a list of strings, not {shown(value)}")
    _check_encodable(record, column, value)
    return tuple(value)


def _check_encodable(record: Record, column: str, texts: Iterable[str]) -> None:
    for text in texts:
        try:
            text.encode()
        except UnicodeEncodeError as error:
            found = f"\\u{ord(text[error.start]):04x}"
            raise ConfigError(
                f"{record.place}: {column} has half a character ({found} without its other half)"
            ) from error
