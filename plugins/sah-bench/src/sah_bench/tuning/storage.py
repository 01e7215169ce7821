"""Optuna's storage of a results directory: a journal beside the cells, which no server and no second run share."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import contextmanager
from importlib import import_module
from pathlib import Path
from typing import TYPE_CHECKING, Any

from filelock import Timeout

from sah_bench.store.directory import ResultsDirectory
from sah_bench.store.whole_files import write_whole
from sah_core.errors import UsageError

if TYPE_CHECKING:
    from optuna.storages import JournalStorage

__all__ = ["JOURNAL", "loaded_optuna", "opened_storage"]

JOURNAL = "study.journal"
"""The file in the results directory; `optuna` reads it as a `JournalStorage`."""


def loaded_optuna() -> Any:
    """The library, told to report nothing by itself; raises UsageError where it is not installed."""
    try:
        optuna = import_module("optuna")
    except ImportError as error:
        raise UsageError('sah bench tune needs optuna: pip install "sah-bench[tune]"') from error
    optuna.logging.set_verbosity(optuna.logging.WARNING)
    return optuna


@contextmanager
def opened_storage(directory: ResultsDirectory) -> Iterator[JournalStorage]:
    """The journal's storage, which nobody else has until it is closed.

    Raises UsageError where another run has it, or where it cannot be read.
    """
    loaded_optuna()
    from optuna.storages import JournalStorage
    from optuna.storages.journal import JournalFileBackend

    path = directory.path / JOURNAL
    try:
        held = directory.lock("study").acquire(timeout=0)
    except Timeout as error:
        raise UsageError(
            f"{directory.path}: another sah bench tune is at work there: wait for it, or name another directory with -o"
        ) from error
    with held:
        try:
            _mend(path)
            storage = JournalStorage(JournalFileBackend(str(path)))
        except (ValueError, KeyError, TypeError) as error:
            raise UsageError(
                f"{path}: is no journal of Optuna ({error}): remove it, and the study begins anew; "
                "what was answered is not asked again"
            ) from error
        yield storage


def _mend(path: Path) -> None:
    """Remove what a killed process left: half a line at the end, and the link that says that it is writing.

    Raises ValueError where another line is no JSON; Optuna would only notice when it writes.
    """
    for left in path.parent.glob(f"{path.name}.lock*"):
        left.unlink(missing_ok=True)
    content = path.read_bytes() if path.exists() else b""
    whole = content[: content.rfind(b"\n") + 1]
    for line in whole.splitlines():
        json.loads(line)
    if whole != content:
        write_whole(path, whole)
