"""JSON lines that are appended, one checksum each, so that a torn or a damaged line is noticed.

A line is a JSON object whose last field is the CRC-32 of all the bytes before that field. A process that is killed
while it writes leaves a line without its end, which is dropped: nobody was told that it had been written. Any other
line that cannot be read was damaged later, and is set aside and named.
"""

from __future__ import annotations

import json
import os
import zlib
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from attrs import frozen

from .whole_files import write_whole

__all__ = ["DamagedLine", "LineFile", "Lines"]

_CHECK = "crc"
_TAIL = len(f'"{_CHECK}": "01234567"}}')


@frozen
class DamagedLine:
    """A line that is no longer what was written."""

    file: Path
    number: int  # from 1
    text: str

    def __str__(self) -> str:
        return f"{self.file}:{self.number}"


@frozen
class Lines:
    """What a file holds."""

    values: list[dict[str, Any]]
    damaged: list[DamagedLine]
    torn: bool
    """Whether the last line has no end."""


class LineFile:
    """A file of checked lines; one process at a time may append."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def read(self) -> Lines:
        """All lines that are whole; where there is no regular file, there are none. Nothing is changed."""
        if not self.path.is_file():
            return Lines([], [], torn=False)
        *whole, rest = self.path.read_bytes().split(b"\n")
        values: list[dict[str, Any]] = []
        damaged: list[DamagedLine] = []
        for number, line in enumerate(whole, 1):
            value = _decoded(line)
            if value is None:
                damaged.append(DamagedLine(self.path, number, line.decode("utf-8", "replace")))
            else:
                values.append(value)
        return Lines(values, damaged, torn=bool(rest))

    def append(self, *values: dict[str, Any]) -> None:
        """Write lines at the end; all of them or, where that fails, none.

        When this returns, no end of this process can take them back; after `sync`, no power failure can either.
        Raises OSError where they cannot be written.
        """
        content = b"".join(_encoded(value) for value in values)
        try:
            file = os.open(self.path, os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o644)
        except FileNotFoundError:
            self.path.parent.mkdir(parents=True, exist_ok=True)
            file = os.open(self.path, os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o644)
        try:
            before = os.fstat(file).st_size
            try:
                written = 0
                while written < len(content):
                    written += os.write(file, content[written:])
            except OSError:
                if self.path.is_file():
                    os.ftruncate(file, before)
                raise
        finally:
            os.close(file)

    def sync(self) -> None:
        """Wait until everything that was appended is on the disk; raises OSError where it cannot be."""
        file = os.open(self.path, os.O_RDONLY)
        try:
            os.fsync(file)
        finally:
            os.close(file)

    def rewrite(self, values: Iterable[dict[str, Any]]) -> None:
        """Put other lines in place of all; raises OSError, and then nothing is changed."""
        write_whole(self.path, b"".join(_encoded(value) for value in values))

    def mend(self, set_aside: LineFile) -> list[DamagedLine]:
        """Drop a torn last line, and move damaged ones to another file; which ones these were."""
        lines = self.read()
        if lines.damaged:
            set_aside.append(
                *({"file": line.file.name, "line": line.number, "text": line.text} for line in lines.damaged)
            )
            set_aside.sync()
        if lines.damaged or lines.torn:
            self.rewrite(lines.values)
        return lines.damaged


def _encoded(value: dict[str, Any]) -> bytes:
    if _CHECK in value:
        raise ValueError(f"{_CHECK!r} is the checksum's field")
    marked = json.dumps({**value, _CHECK: "01234567"}, ensure_ascii=False, allow_nan=False)
    head = marked.encode("utf-8", "surrogatepass")[:-_TAIL]
    return head + _tail(head) + b"\n"


def _decoded(line: bytes) -> dict[str, Any] | None:
    head, tail = line[:-_TAIL], line[-_TAIL:]
    if tail != _tail(head):
        return None
    value: dict[str, Any] = json.loads(line)
    del value[_CHECK]
    return value


def _tail(head: bytes) -> bytes:
    return f'"{_CHECK}": "{zlib.crc32(head):08x}"}}'.encode()
