"""Rows of a task as a Parquet file, which the results of a benchmark keep: small, and the same when read again."""

from __future__ import annotations

import json
from collections.abc import Iterable
from io import BytesIO
from pathlib import Path
from typing import Final

import pyarrow  # type: ignore[import-untyped]  # it has no types
from pyarrow import parquet

from sah_bench.store.whole_files import write_whole
from sah_core.errors import UsageError

from .row import Row

__all__ = ["read_table", "write_table"]

_SCHEMA: Final = pyarrow.schema(
    [
        ("context", pyarrow.large_string()),
        ("question", pyarrow.large_string()),
        ("answer_prefix", pyarrow.large_string()),
        ("answer", pyarrow.list_(pyarrow.large_string())),
        ("max_new_tokens", pyarrow.int64()),
        ("chat", pyarrow.bool_()),
        ("extra", pyarrow.large_string()),  # a JSON object
    ]
)


def write_table(path: Path, rows: Iterable[Row]) -> None:
    """Write rows to a Parquet file, whole or not at all; a context takes its space once, however many questions it has.

    Raises OSError where the file cannot be written.
    """
    records = [
        {
            "context": row.context,
            "question": row.question,
            "answer_prefix": row.answer_prefix,
            "answer": row.answers,
            "max_new_tokens": row.max_new_tokens,
            "chat": row.chat,
            "extra": json.dumps(dict(row.extra), ensure_ascii=False),
        }
        for row in rows
    ]
    content = BytesIO()
    parquet.write_table(pyarrow.Table.from_pylist(records, schema=_SCHEMA), content, compression="zstd")
    write_whole(path, content.getvalue())


def read_table(path: Path) -> tuple[Row, ...]:
    """The rows that were written; raises UsageError where the file is not there or holds no such table."""
    try:
        table = parquet.read_table(BytesIO(path.read_bytes()))
        if table.schema != _SCHEMA:
            raise pyarrow.ArrowInvalid(f"its columns are {', '.join(table.schema.names)}")
        records = table.to_pylist()
    except (OSError, pyarrow.ArrowException) as error:
        reason = " ".join(str(getattr(error, "strerror", None) or error).split())
        raise UsageError(
            f"{path}: the rows of a task cannot be read ({reason}): remove it, and run sah bench again"
        ) from error
    contexts: dict[str, str] = {}  # rows of one context share one string in memory, too
    return tuple(
        Row(
            context=contexts.setdefault(record["context"], record["context"]),
            question=record["question"],
            answers=tuple(record["answer"]),
            max_new_tokens=record["max_new_tokens"],
            answer_prefix=record["answer_prefix"],
            chat=record["chat"],
            extra=json.loads(record["extra"]),
        )
        for record in records
    )
