"""The questions in a record of LooGLE, in either form in which the set was published."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any, Final

from attrs import frozen

from sah_bench.tasks.records import Record, shown
from sah_core.errors import ConfigError
from sah_tasks_longcontext.values import filled_text_of

from .config import LoogleTask
from .literals import literal

__all__ = ["Question", "questions_of"]

_COLUMNS: Final = (
    "context, question and answer (one question a row), or input, qa_pairs and output (one document a row)"
)


@frozen
class Question:
    """One question about a document; ``text`` is empty where a summary is asked for."""

    document: str
    text: str
    answer: str


def questions_of(record: Record, task: LoogleTask) -> Iterator[Question]:
    """One question of a row of today's files, all questions of a row of the first ones, or a document's summary.

    Today's rows have ``context``, ``question`` and ``answer``. The first files had ``input``, and ``qa_pairs``: a list
    of ``{"Q": ..., "A": ...}``, or such a list written as text. In both a summary is in ``output``, or in ``answer``.
    The answer to a cloze is a mapping from masks to names, given as JSON. Raises ConfigError, with the record's place,
    where a row is of neither form.
    """
    values, place = record.values, record.place
    column = "context" if "context" in values else "input"
    if column not in values:
        raise _unknown(record)
    document = filled_text_of(record, column)
    if task == "longdep_summarization":
        yield Question(document, "", _summary(record))
    elif "qa_pairs" in values:
        for number, pair in enumerate(_pairs(record), 1):
            at = f"{place}, question {number}"
            yield Question(document, _asked(at, pair.get("Q")), _answer(at, pair.get("A"), task))
    elif "question" in values and "answer" in values:
        yield Question(document, _asked(place, values["question"]), _answer(place, values["answer"], task))
    else:
        raise _unknown(record)


def _summary(record: Record) -> str:
    for column in ("output", "answer"):
        value = record.values.get(column)
        if isinstance(value, str) and value.strip().lower() not in ("", "none"):
            return value
    raise ConfigError(f"{record.place}: has no summary, in output or in answer; is this the summarization's file?")


def _pairs(record: Record) -> list[dict[str, Any]]:
    value = record.values["qa_pairs"]
    try:
        pairs = literal(value) if isinstance(value, str) else value
    except ValueError as error:
        raise ConfigError(f"{record.place}: qa_pairs cannot be read: {error}: {shown(value)}") from error
    if not isinstance(pairs, list) or not all(isinstance(pair, dict) for pair in pairs):
        raise ConfigError(
            f"{record.place}: qa_pairs should be a list of questions such as {{'Q': ..., 'A': ...}}, not {shown(value)}"
        )
    return pairs


def _asked(place: str, value: Any) -> str:
    if not isinstance(value, str) or not value.strip():
        raise ConfigError(f"{place}: the question should be text, not {shown(value)}")
    return value


def _answer(place: str, value: Any, task: LoogleTask) -> str:
    if task == "shortdep_cloze":
        return _masks(place, value)
    if value is None or isinstance(value, dict):
        raise ConfigError(f"{place}: the answer should be text, not {shown(value)}")
    return value if isinstance(value, str) else _json(place, value)


def _masks(place: str, value: Any) -> str:
    try:
        masks = literal(value) if isinstance(value, str) else value
    except ValueError:
        masks = None
    if not isinstance(masks, dict):
        raise ConfigError(f"{place}: the answer should be a mapping such as {{'<mask-0>': 'Bob'}}, not {shown(value)}")
    return _json(place, masks)


def _json(place: str, value: Any) -> str:
    try:
        return json.dumps(value, ensure_ascii=False)
    except (TypeError, ValueError) as error:  # of a set, or a key that is a tuple, which Python literals have
        raise ConfigError(f"{place}: the answer should be what JSON can say, not {shown(repr(value))}") from error


def _unknown(record: Record) -> ConfigError:
    columns = ", ".join(record.values) or "none"
    return ConfigError(f"{record.place}: LooGLE's files have the columns {_COLUMNS}; here they are {columns}")
