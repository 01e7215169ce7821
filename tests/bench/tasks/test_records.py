"""Records of JSON lines that are open already."""

from __future__ import annotations

from io import BytesIO

import pytest

from sah_bench.tasks.records import Record, read_json_lines
from sah_core.errors import ConfigError


def test_lines_of_a_stream_are_records() -> None:
    """Each has the given name and its line, empty ones counted; a line break of Unicode is none."""
    lines = BytesIO('\ufeff{"a": 1}\r\n\n{"a": "x\u2028y"}'.encode())
    assert list(read_json_lines("in/side.jsonl", lines)) == [
        Record("in/side.jsonl:1", {"a": 1}),
        Record("in/side.jsonl:3", {"a": "x\u2028y"}),
    ]


def test_a_line_that_is_no_record() -> None:
    """Its name and number are told, and those before it were given."""
    records = read_json_lines("in/side.jsonl", [b'{"a": 1}\n', b"[1]\n"])
    assert next(records).values == {"a": 1}
    with pytest.raises(ConfigError, match=r"in/side\.jsonl:2: should be an object .*, not \[1\]"):
        next(records)
