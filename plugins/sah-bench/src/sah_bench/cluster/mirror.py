"""`Mirror`: what changes in a folder, told so that a copy elsewhere can follow."""

from __future__ import annotations

import zlib
from collections.abc import Iterable
from pathlib import Path

from attrs import frozen

from sah_bench.store.whole_files import write_whole

__all__ = ["Change", "Mirror", "follow"]


@frozen
class Change:
    """Of one file; picklable."""

    path: str
    """Relative to the folder."""
    content: bytes | None
    """None: it is no more."""
    offset: int | None = None
    """Where ``content`` was appended; None: it is the whole file."""


@frozen
class _Seen:
    status: tuple[int, int, int]  # inode, bytes, nanoseconds of the last change
    size: int
    check: int  # CRC-32 of a file of lines: inodes are given anew, so they do not tell a grown file from another one


class Mirror:
    """A folder as it was when it was last looked at; files that are still being written (``.partial``) are none yet.

    Of a file of lines (``.jsonl``) that begins as it did, what was added is told.
    """

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._seen: dict[str, _Seen] = {}

    def changes(self) -> list[Change]:
        """What has happened since the last call; at the first one, everything that there is.

        In the order in which files were written, as the last one may say that all of them are there; what is no more
        comes after all that may be there in its place.
        """
        changes: list[Change] = []
        seen: dict[str, _Seen] = {}
        for name, status in self._files():
            path, before = self._folder / name, self._seen.get(name)
            if before is not None and status == before.status:
                seen[name] = before
                continue
            content, lines, offset = path.read_bytes(), path.suffix == ".jsonl", None
            if lines and before is not None and zlib.crc32(content[: before.size]) == before.check:
                offset = min(before.size, len(content))
            changes.append(Change(name, content[offset or 0 :], offset))
            seen[name] = _Seen(status, len(content), zlib.crc32(content) if lines else 0)
        changes += [Change(name, None) for name in self._seen if name not in seen]
        self._seen = seen
        return changes

    def _files(self) -> list[tuple[str, tuple[int, int, int]]]:
        """By their time; of two at once, the times of an answer come before it, and parts before ``complete.json``."""
        found = [path for path in self._folder.rglob("*") if path.is_file() and path.suffix != ".partial"]
        known = {path.relative_to(self._folder).as_posix(): path.stat() for path in sorted(found, reverse=True)}
        status = [(name, (each.st_ino, each.st_size, each.st_mtime_ns)) for name, each in known.items()]
        return sorted(status, key=lambda each: each[1][2])


def follow(folder: Path, changes: Iterable[Change]) -> None:
    """Do the same in a copy; raises OSError where it cannot be written."""
    for change in changes:
        path = folder / change.path
        if change.content is None:
            path.unlink(missing_ok=True)
            if path.parent != folder and path.parent.is_dir() and not any(path.parent.iterdir()):
                path.parent.rmdir()
        elif change.offset is None:
            write_whole(path, change.content)
        else:
            with path.open("r+b") as file:
                file.truncate(change.offset)
                file.seek(change.offset)
                file.write(change.content)
