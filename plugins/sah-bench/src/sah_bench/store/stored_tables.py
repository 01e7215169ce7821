"""`StoredTables`: the rows of a benchmark's tasks, on the disk as soon as they are made, and read where needed."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

from sah_bench.tasks.row import Row, digest_of
from sah_bench.tasks.table_file import read_table, write_table
from sah_core.errors import ConfigError, UsageError

from .directory import ResultsDirectory

__all__ = ["StoredTables"]


class StoredTables(Mapping[str, Sequence[Row]]):
    """Tables by their digest; only their digests are kept in memory, as contexts may be long and many."""

    def __init__(self, directory: ResultsDirectory) -> None:
        self._directory = directory
        self._digests: dict[str, None] = {}

    def add(self, rows: Sequence[Row]) -> str:
        """Write a table where it is not there yet, and give its digest.

        Raises ConfigError for a row that is no text, UsageError where the table cannot be written.
        """
        try:
            digest = digest_of(rows)
        except UnicodeEncodeError as error:
            half = f"\\u{ord(error.object[error.start]):04x}"
            raise ConfigError(f"a row has half a character ({half} without its other half)") from error
        path = self._directory.table(digest)
        if not path.exists():
            try:
                write_table(path, rows)
            except OSError as error:
                raise UsageError(f"{path}: the rows of a task cannot be kept: {error.strerror or error}") from error
        self._digests[digest] = None
        return digest

    def __getitem__(self, digest: str) -> Sequence[Row]:
        """The rows, read now; raises UsageError where they are no longer there."""
        if digest not in self._digests:
            raise KeyError(digest)
        return read_table(self._directory.table(digest))

    def __iter__(self) -> Iterator[str]:
        return iter(self._digests)

    def __len__(self) -> int:
        return len(self._digests)
