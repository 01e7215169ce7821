"""`CellFiles`: what is known of one cell, on disk."""

from __future__ import annotations

from functools import cached_property
from pathlib import Path
from typing import Any

from attrs import frozen

from .lines import DamagedLine, LineFile
from .whole_files import read_json, write_json

__all__ = ["CellFiles"]


@frozen(slots=False)
class CellFiles:
    """The directory of one cell::

    cell.json               what was asked, of what, with which versions: all that its address is made of
    answers.jsonl           a line a sample: see `answers`
    times.jsonl             seconds and bytes of each sample; differs from run to run
    scores.json             what the scorer made of the answers
    failure.json            why the cell is not complete, if it failed
    set-aside.jsonl         damaged lines, with the file and the line where they stood
    metric-failures.jsonl   metrics that could not be measured, and where
    measurements.parquet    of attention calls, if any were asked for
    measurements/           the same, a file a sample, until the cell is complete
    """

    path: Path

    @cached_property
    def answers(self) -> LineFile:
        """A line a sample: ``sample`` (its number in the table), ``answer``, ``tokens``, ``attended``, ``visible``.

        ``attended`` and ``visible`` count keys over all sparse layers, heads and queries (null: attention was dense);
        ``cut`` is how many tokens of the context were left out to make it fit. The same in every run: lines are in the
        order in which they were answered, and in the order of the samples once the cell is complete.
        """
        return LineFile(self.path / "answers.jsonl")

    @cached_property
    def times(self) -> LineFile:
        """A line a sample, written before its answer: ``sample`` and what `sah_bench.executor.times.Times` says.

        A sample that was interrupted between the two lines has two here: the last one counts.
        """
        return LineFile(self.path / "times.jsonl")

    @cached_property
    def set_aside(self) -> LineFile:
        """Damaged lines: ``file``, ``line`` and ``text``."""
        return LineFile(self.path / "set-aside.jsonl")

    @cached_property
    def metric_failures(self) -> LineFile:
        """Metrics that failed: ``metric``, ``sample`` and ``said``, written before the sample's answer."""
        return LineFile(self.path / "metric-failures.jsonl")

    @property
    def measurements(self) -> Path:
        """What was measured of attention calls, once the cell is complete."""
        return self.path / "measurements.parquet"

    def measurements_of(self, sample: int) -> Path:
        """What was measured of one sample, until the cell is complete."""
        return self.path / "measurements" / f"{sample:06}.parquet"

    @property
    def damaged(self) -> list[DamagedLine]:
        """Lines that are no longer what was written; nothing is changed."""
        return [line for file in self._line_files for line in file.read().damaged]

    def mend(self) -> list[DamagedLine]:
        """Set damaged lines aside, drop torn ones and files that were never finished; which lines were damaged.

        Only for who holds the cell's lock.
        """
        for partial in self.path.rglob("*.partial"):
            partial.unlink()
        return [line for file in self._line_files for line in file.mend(self.set_aside)]

    @property
    def _line_files(self) -> tuple[LineFile, ...]:
        return self.answers, self.times, self.metric_failures

    def write_identity(self, identity: dict[str, Any]) -> None:
        """Say what the cell is."""
        write_json(self.path / "cell.json", identity)

    @property
    def identity(self) -> dict[str, Any] | None:
        """What the cell is; None where nothing was written."""
        found: dict[str, Any] | None = read_json(self.path / "cell.json")
        return found

    def write_scores(self, scores: dict[str, Any]) -> None:
        """Keep what the scorer made of the answers, or how it failed: see `sah_bench.scoring.score`."""
        write_json(self.path / "scores.json", scores)

    @property
    def scores(self) -> dict[str, Any] | None:
        """What the scorer made of the answers."""
        found: dict[str, Any] | None = read_json(self.path / "scores.json")
        return found

    def write_failure(self, failure: dict[str, Any]) -> None:
        """Keep why the cell is not complete: ``error`` (a class), ``message``, ``sample`` (or null)."""
        write_json(self.path / "failure.json", failure)

    def forget_failure(self) -> None:
        """The cell is tried again, or complete."""
        (self.path / "failure.json").unlink(missing_ok=True)

    @property
    def failure(self) -> dict[str, Any] | None:
        """Why the cell is not complete, if it failed."""
        found: dict[str, Any] | None = read_json(self.path / "failure.json")
        return found
