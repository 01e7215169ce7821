"""`File`: a table of one's own as a task."""

from __future__ import annotations

import json
from itertools import islice
from typing import Any, Final

from sah_core.errors import ConfigError

from .configs import FileConfig
from .grouping import by_context
from .records import Record, read_records, shown
from .row import COLUMNS, Row

__all__ = ["File"]

_MAX_NEW_TOKENS: Final = 32
_REQUIRED: Final = ("context", "question", "answer")


class File:
    """The rows of a .jsonl, .json (a list of objects), .csv or .parquet file.

    ``context``, ``question`` and ``answer`` (a string or a list of strings; in a CSV also a list as JSON) have to be
    there; ``answer_prefix`` is empty and ``max_new_tokens`` 32 where they are missing or null.
    Every further column is handed on to the scorer.
    """

    def __init__(self, config: FileConfig) -> None:
        self.config = config

    def rows(self, length: int | None, seed: int) -> tuple[Row, ...]:
        """The first ``samples`` rows of the file, those of one context together; see `Task`.

        Contexts stand in the order of their first appearance in the file, and the rows of one in the file's order.
        Raises ConfigError in one sentence, with file, line or row, and column.
        """
        del length, seed  # a file has what it has
        rows = by_context(_row(record) for record in islice(read_records(self.config.path), self.config.samples))
        if not rows:
            raise ConfigError(f"{self.config.path} has no rows")
        return rows


def _row(record: Record) -> Row:
    missing = [column for column in _REQUIRED if column not in record.values]
    if missing:
        raise ConfigError(
            f"{record.place}: has no column {missing[0]!r}; its columns are {', '.join(record.values) or 'none'}"
        )
    return Row(
        context=_text(record, "context"),
        question=_text(record, "question"),
        answers=_answers(record),
        max_new_tokens=_max_new_tokens(record),
        answer_prefix=_text(record, "answer_prefix", may_be_empty=True),
        extra={column: _json_value(record, column) for column in record.values if column not in COLUMNS},
    )


def _text(record: Record, column: str, *, may_be_empty: bool = False) -> str:
    value = record.values.get(column)
    if may_be_empty and value is None:
        return ""
    if not isinstance(value, str):
        raise ConfigError(f"{record.place}: {column} should be a string, not {shown(value)}")
    if not may_be_empty and not value.strip():
        raise ConfigError(f"{record.place}: {column} is empty")
    return _encodable(record, column, value)


def _answers(record: Record) -> tuple[str, ...]:
    value = record.values["answer"]
    if isinstance(value, str):
        value = _listed(value) if record.all_text else [value]
    if not isinstance(value, list) or not all(isinstance(answer, str) for answer in value):
        raise ConfigError(f"{record.place}: answer should be a string or a list of strings, not {shown(value)}")
    if not value or not all(answer.strip() for answer in value):
        raise ConfigError(f"{record.place}: answer is empty")
    return tuple(_encodable(record, "answer", answer) for answer in value)


def _listed(cell: str) -> list[str]:
    """The answers in a cell of a CSV, which has no lists of its own."""
    try:
        found = json.loads(cell)
    except (ValueError, RecursionError):
        return [cell]
    return found if isinstance(found, list) and all(isinstance(answer, str) for answer in found) else [cell]


def _max_new_tokens(record: Record) -> int:
    value = record.values.get("max_new_tokens")
    if value is None:
        return _MAX_NEW_TOKENS
    number = int(value) if record.all_text and value.isdecimal() and len(value) <= 10 else value
    if type(number) is not int or not 1 <= number < 2**31:
        raise ConfigError(f"{record.place}: max_new_tokens should be a whole number from 1 up, not {shown(value)}")
    return number


def _json_value(record: Record, column: str) -> Any:
    value = record.values[column]
    try:
        text = json.dumps(value, ensure_ascii=False, allow_nan=False)
    except (TypeError, ValueError) as error:
        raise ConfigError(
            f"{record.place}: {column} should be a JSON value, such as a number or text, not {shown(value)}"
        ) from error
    _encodable(record, column, text)
    return json.loads(text)  # tuples, which Parquet has, become the lists that a stored table has


def _encodable(record: Record, column: str, text: str) -> str:
    try:
        text.encode()
    except UnicodeEncodeError as error:
        found = f"\\u{ord(text[error.start]):04x}"
        raise ConfigError(f"{record.place}: {column} has half a character ({found} without its other half)") from error
    return text
