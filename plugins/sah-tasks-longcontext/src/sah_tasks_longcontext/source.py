"""Read the records of a published set, from files of one's own or from the Hugging Face hub."""

from __future__ import annotations

import zipfile
import zlib
from collections.abc import Iterator, Sequence
from pathlib import Path, PurePosixPath
from typing import Final

from attrs import frozen

from sah_bench.tasks.records import Record, read_json_lines, read_records
from sah_core.errors import ConfigError

__all__ = ["SetFile", "read_set"]

_ENDINGS: Final = (".jsonl", ".json", ".parquet")
"""Of the files that a set's file may have been made into, in the order in which they are looked for."""


@frozen
class SetFile:
    """A file of a published set: where it lies on the Hugging Face hub, and what it is called locally."""

    repository: str
    """Of the dataset on the hub, such as ``THUDM/LongBench``."""
    name: str
    """The file in it, ``data.zip`` or ``longbook_qa_eng.jsonl``."""
    member: str = ""
    """The file inside, of JSON lines, where ``name`` is a .zip: ``data/qasper.jsonl``."""
    revision: str | None = None
    """A commit, branch or tag of the dataset; None: the newest."""

    @property
    def shown(self) -> str:
        """Its name, and the file inside where there is one."""
        return f"{self.name} ({self.member})" if self.member else self.name


def read_set(file: SetFile, path: str | None, columns: Sequence[str]) -> Iterator[Record]:
    """The records of a file, in their order; every one has these columns, and there is at least one.

    * ``path`` None: fetched from the hub and kept in its cache, from which it is read without a network, too.
    * A file (.jsonl, .json, .csv, .parquet, or the .zip as it is published): that one.
    * A folder: the first that there is in it, or in its folder ``data``, of ``name``, the file inside, and the same
      ending in .jsonl, .json or .parquet; without the folder ``data`` before it, too.

    Raises ConfigError in one sentence where the file cannot be had, cannot be read, or lacks a column.
    """
    where = _fetched(file) if path is None else _local(file, path)
    found = _members(file, where) if where.lower().endswith(".zip") else read_records(where)
    empty = True
    for record in found:
        empty = False
        missing = [column for column in columns if column not in record.values]
        if missing:
            raise ConfigError(
                f"{record.place}: has no column {', '.join(map(repr, missing))}, which {file.shown} of "
                f"{file.repository} has; its columns are {', '.join(record.values) or 'none'}"
            )
        yield record
    if empty:
        raise ConfigError(f"{where} has no rows, where {file.shown} of {file.repository} was expected")


def _fetched(file: SetFile) -> str:
    from .hub import fetched  # huggingface_hub takes a while to import

    return fetched(file.repository, file.name, file.revision, f"bring {_from_the_hub(file)}")


def _local(file: SetFile, path: str) -> str:
    place = Path(path)
    if not place.exists():
        raise ConfigError(f"path {path!r}: there is no such file or folder; bring {_from_the_hub(file)}")
    if not place.is_dir():
        return path
    names = _local_names(file)
    for folder in (place, place / "data"):
        for name in names:
            if (folder / name).is_file():
                return str(folder / name)
    raise ConfigError(
        f"path {path!r}: the folder has none of {', '.join(names)}, nor has a folder 'data' in it; "
        f"bring {_from_the_hub(file)}"
    )


def _local_names(file: SetFile) -> list[str]:
    content = PurePosixPath(file.member or file.name)
    names = [file.name, str(content), *(str(content.with_suffix(ending)) for ending in _ENDINGS)]
    # The folder data is no name; another one is: a validation.jsonl of no folder could be any dataset's.
    if str(content.parent) in (".", "data"):
        names += [content.name, *(content.stem + ending for ending in _ENDINGS)]
    return list(dict.fromkeys(names))


def _from_the_hub(file: SetFile) -> str:
    return (
        f"file {file.shown} from https://huggingface.co/datasets/{file.repository}/resolve/{file.revision or 'main'}/"
        f"{file.name} into a folder, and name that folder with `path`"
    )


def _members(file: SetFile, where: str) -> Iterator[Record]:
    if not file.member:
        raise ConfigError(f"{where}: {file.name} of {file.repository} is no .zip; name the file that was inside")
    try:
        with zipfile.ZipFile(where) as archive:
            if file.member not in archive.namelist():
                raise ConfigError(f"{where}: has no file {file.member} inside; it has {_contents(archive)}")
            with archive.open(file.member) as lines:
                yield from read_json_lines(f"{where}/{file.member}", lines)
    except (zipfile.BadZipFile, zlib.error, OSError, EOFError, RuntimeError) as error:
        # RuntimeError: encrypted; its child NotImplementedError: a compression that Python lacks
        reason = getattr(error, "strerror", None) or " ".join(str(error).split())
        raise ConfigError(f"{where}: the archive cannot be read: {reason}") from error


def _contents(archive: zipfile.ZipFile) -> str:
    files = [name for name in archive.namelist() if not name.endswith("/")]
    return (", ".join(files[:5]) or "none") + (f" and {len(files) - 5} more" if len(files) > 5 else "")
