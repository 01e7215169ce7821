"""`Mirror`: what changes in a folder, told so that a copy elsewhere can follow."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

from attrs import evolve, frozen

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
    file: int  # an inode: a file that was put in place of another has its own
    size: int
    changed: int  # nanoseconds


class Mirror:
    """A folder as it was when it was last looked at; files that are still being written (``.partial``) are none yet.

    Files of lines (``.jsonl``) only grow, unless another is put in their place.
    """

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._seen: dict[str, _Seen] = {}

    def changes(self) -> list[Change]:
        """What has happened since the last call; at the first one, everything that there is."""
        found = {path.relative_to(self._folder).as_posix(): path for path in _files(self._folder)}
        changes = [Change(name, None) for name in self._seen.keys() - found.keys()]
        seen: dict[str, _Seen] = {}
        for name, path in found.items():
            status, before = path.stat(), self._seen.get(name)
            now = _Seen(status.st_ino, status.st_size, status.st_mtime_ns)
            if now != before:
                grown = path.suffix == ".jsonl" and before is not None and before.file == now.file
                offset = before.size if before is not None and grown and before.size <= now.size else None
                content = _read(path, offset or 0)
                now = evolve(now, size=(offset or 0) + len(content))
                changes.append(Change(name, content, offset))
            seen[name] = now
        self._seen = seen
        return changes


def follow(folder: Path, changes: Iterable[Change]) -> None:
    """Do the same in a copy; raises OSError where it cannot be written."""
    for change in changes:
        path = folder / change.path
        if change.content is None:
            path.unlink(missing_ok=True)
            if path.parent != folder and not any(path.parent.iterdir()):
                path.parent.rmdir()
        elif change.offset is None:
            write_whole(path, change.content)
        else:
            with path.open("r+b") as file:
                file.truncate(change.offset)
                file.seek(change.offset)
                file.write(change.content)


def _files(folder: Path) -> list[Path]:
    return sorted(path for path in folder.rglob("*") if path.is_file() and path.suffix != ".partial")


def _read(path: Path, offset: int) -> bytes:
    with path.open("rb") as file:
        file.seek(offset)
        return file.read()
