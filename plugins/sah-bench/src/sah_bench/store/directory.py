"""`ResultsDirectory`: where everything of a benchmark lies, and whether this version may write to it."""

from __future__ import annotations

from importlib.metadata import version
from pathlib import Path
from typing import Any

from filelock import FileLock

from sah_core.errors import UsageError

from .cell_files import CellFiles
from .whole_files import read_json, write_json

__all__ = ["FORMAT", "ResultsDirectory"]

FORMAT = 2
"""Of the files; a directory of another format is neither read nor written."""

_MARK = "sah-bench.json"


class ResultsDirectory:
    """A directory of results::

    sah-bench.json                  the format, and the version that began it
    plan.json                       what was last asked for: the benchmark, and its cells in order
    tables/DIGEST.parquet           the rows of a task
    calibrations/ADDRESS/KIND/      what a masker learned; beside it complete.json, once all of them have
    cells/ADDRESS/                  one cell: see `CellFiles`
    locks/ADDRESS.lock              held by the process that works on the cell
    """

    def __init__(self, path: Path) -> None:
        self.path = path

    @classmethod
    def opened(cls, path: Path) -> ResultsDirectory:
        """A directory that is there; raises UsageError where it is none of ours, or of another format."""
        directory = cls(path)
        if not path.is_dir():
            raise UsageError(f"{path}: there is no such directory of results")
        directory._check()
        return directory

    @classmethod
    def created(cls, path: Path) -> ResultsDirectory:
        """The directory, made if it is not there; raises UsageError where it holds something else."""
        directory = cls(path)
        try:
            path.mkdir(parents=True, exist_ok=True)
            # Listed before the mark is looked for: another run may be beginning here, and it writes its mark first.
            foreign = any(not entry.name.startswith(_MARK) for entry in path.iterdir())
            if not (path / _MARK).exists():
                if foreign:
                    raise UsageError(f"{path}: is not empty and holds no results of sah bench: name another directory")
                write_json(path / _MARK, {"format": FORMAT, "version": version("sah-bench")})
        except OSError as error:
            raise UsageError(f"{path}: cannot hold results: {error.strerror or error}") from error
        directory._check()
        return directory

    @property
    def plan(self) -> dict[str, Any] | None:
        """What was last asked for, as `write_plan` was given it."""
        found: dict[str, Any] | None = read_json(self.path / "plan.json")
        return found

    def write_plan(self, plan: dict[str, Any]) -> None:
        """Say what is asked for."""
        write_json(self.path / "plan.json", plan)

    def table(self, digest: str) -> Path:
        """Where the rows with this digest lie, or will."""
        return self.path / "tables" / f"{digest[:16]}.parquet"

    def calibration(self, address: str) -> Path:
        """The folder of a calibration, in which each masker has one of its kind."""
        return self.path / "calibrations" / address

    def cell(self, address: str) -> CellFiles:
        """The files of a cell, which need not be there yet."""
        return CellFiles(self.path / "cells" / address)

    def lock(self, address: str) -> FileLock:
        """The lock of a cell or a calibration; it is let go when the process that holds it ends, however it ends."""
        (self.path / "locks").mkdir(exist_ok=True)
        return FileLock(self.path / "locks" / f"{address}.lock")

    def _check(self) -> None:
        try:
            mark = read_json(self.path / _MARK)
        except ValueError as error:
            raise UsageError(f"{self.path / _MARK}: cannot be read: {error}") from error
        if mark is None:
            raise UsageError(f"{self.path}: holds no results of sah bench (there is no {_MARK})")
        found = mark.get("format") if isinstance(mark, dict) else None
        if found != FORMAT:
            raise UsageError(
                f"{self.path}: has results of format {found!r}, and this sah-bench {version('sah-bench')} reads and "
                f"writes format {FORMAT}: name another directory with -o"
            )
