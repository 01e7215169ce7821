"""What was appended is confirmed by the disk, one step behind at most, and a disk that does not is heard of."""

from __future__ import annotations

from pathlib import Path

import pytest

from sah_bench.executor.syncing import Syncing
from sah_bench.store.lines import LineFile


def confirm(file: LineFile, times: int, error: Exception | None = None) -> None:
    """Ask so many times for what was appended to be on the disk, and then raise."""
    with Syncing(file) as syncing:
        for _ in range(times):
            syncing.begin()
        if error is not None:
            raise error


def test_a_disk_that_cannot_confirm_is_heard_of(tmp_path: Path) -> None:
    """At the next answer, or at the end where there is none; what was raised meanwhile comes first."""
    lost = LineFile(tmp_path / "no longer there")
    with pytest.raises(FileNotFoundError):
        confirm(lost, 1)
    with pytest.raises(FileNotFoundError):
        confirm(lost, 2, LookupError())
    with pytest.raises(LookupError):
        confirm(lost, 1, LookupError())


def test_confirming_changes_nothing(tmp_path: Path) -> None:
    """Lines appended between are all there."""
    file = LineFile(tmp_path / "answers.jsonl")
    with Syncing(file) as syncing:
        for sample in range(3):
            file.append({"sample": sample})
            syncing.begin()
    assert [line["sample"] for line in file.read().values] == [0, 1, 2]
