"""JSON lines that are appended durably, one checksum each, so that a torn or a damaged line is noticed.

A line is a JSON object with its CRC-32 as the last field. A process that is killed while it writes leaves a line
without its end, which is dropped: nobody was told that it had been written. Any other line that cannot be read was
damaged later, and is set aside and named.
"""

from __future__ import annotations

import json
import os
import zlib
from pathlib import Path
from typing import Any

from attrs import frozen

__all__ = ["DamagedLine", "LineFile", "Lines"]

_CHECK = "crc"


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
        """All lines that are whole; a file that is not there has none. Nothing is changed."""
        try:
            content = self.path.read_bytes()
        except FileNotFoundError:
            return Lines([], [], torn=False)
        *whole, rest = content.split(b"\n")
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
        """Write lines at the end, on the disk when this returns; all of them or, where that fails, none.

        Raises OSError where they cannot be written.
        """
        self.path.parent.mkdir(parents=True, exist_ok=True)
        content = b"".join(_encoded(value) for value in values)
        file = os.open(self.path, os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o644)
        try:
            before = os.fstat(file).st_size
            try:
                written = 0
                while written < len(content):
                    written += os.write(file, content[written:])
                os.fsync(file)
            except OSError:
                if os.path.isfile(self.path):
                    os.ftruncate(file, before)
                raise
        finally:
            os.close(file)

    def mend(self, set_aside: LineFile) -> list[DamagedLine]:
        """Drop a torn last line, and move damaged ones to another file; which ones these were."""
        lines = self.read()
        if not lines.damaged and not lines.torn:
            return []
        if lines.damaged:
            set_aside.append(
                *({"file": line.file.name, "line": line.number, "text": line.text} for line in lines.damaged)
            )
        partial = self.path.with_name(f"{self.path.name}.partial")
        partial.unlink(missing_ok=True)
        if lines.values:
            LineFile(partial).append(*lines.values)
        else:
            partial.touch()
        os.replace(partial, self.path)
        return lines.damaged


def _encoded(value: dict[str, Any]) -> bytes:
    if _CHECK in value:
        raise ValueError(f"{_CHECK!r} is the checksum's field")
    text = json.dumps(value, ensure_ascii=False, allow_nan=False)
    return json.dumps({**value, _CHECK: _checksum(text)}, ensure_ascii=False, allow_nan=False).encode() + b"\n"


def _decoded(line: bytes) -> dict[str, Any] | None:
    try:
        value = json.loads(line)
    except ValueError:
        return None
    if not isinstance(value, dict):
        return None
    check = value.pop(_CHECK, None)
    return value if check == _checksum(json.dumps(value, ensure_ascii=False)) else None


def _checksum(text: str) -> str:
    return f"{zlib.crc32(text.encode('utf-8', 'surrogatepass')):08x}"
