"""`answer_cell`: one cell in the hands of a worker, from taking its lock to its scores."""

from __future__ import annotations

import shutil
import time
from collections.abc import Callable, Iterable, Sequence
from typing import TYPE_CHECKING, Literal

from attrs import evolve, frozen
from filelock import Timeout

from sah_bench.scoring.score import ScoringFailure, score_cell
from sah_bench.store.cell_files import CellFiles
from sah_bench.store.directory import ResultsDirectory
from sah_bench.tasks.row import Row

from .complete import is_complete
from .events import CellBegun, Event, JobEnded, ProblemFound
from .failure import Failure
from .jobs import CellJob
from .unmeasured import unmeasured

if TYPE_CHECKING:
    from sah_bench.measure.micro import MicroMetricLogger

    from .asking import Asking
    from .models import KeptModel

__all__ = ["Desk", "answer_cell", "record"]


@frozen(eq=False)
class Desk:
    """What a worker has at hand for any cell."""

    directory: ResultsDirectory
    models: Callable[[], KeptModel]
    """Makes torch be imported, so it is called when something is to be asked."""
    rows: Callable[[str], Sequence[Row]]
    """Of the table with this digest."""
    tell: Callable[[Event], None]


def answer_cell(job: CellJob, desk: Desk) -> JobEnded:
    """Answer what is not answered, and score it; never raises for what a cell does."""
    try:
        with desk.directory.lock(job.address).acquire(timeout=job.patience):
            return _Work(job, desk, desk.directory.cell(job.address)).done()
    except Timeout:
        return JobEnded("locked")
    except OSError as error:
        return JobEnded("failed", Failure.of(error))


class _Work:
    """A cell whose lock is held."""

    def __init__(self, job: CellJob, desk: Desk, files: CellFiles) -> None:
        self._job = job
        self._cell = job.cell
        self._desk = desk
        self._files = files
        self._asking: Asking | None = None
        self._began = time.perf_counter()

    def done(self) -> JobEnded:
        """Do it, and say how it went."""
        status: Literal["complete", "reused", "failed"] = "failed"
        failure: Failure | None = None
        try:
            self._mend()
            if is_complete(self._files, self._cell):
                status = "reused"
            else:
                failure = self._answered_and_scored()
                status = "complete" if failure is None else "failed"
            self._tell_problems(unmeasured(self._files))
        except Exception as error:  # noqa: BLE001 - whatever a plugin, a model or a disk raises ends this cell alone
            failure = Failure.of(error, None if self._asking is None else self._asking.sample)
            self._tell_problems(record(self._files, failure))
        model_seconds = 0.0 if self._asking is None else self._asking.model_seconds
        return JobEnded(status, failure, model_seconds, time.perf_counter() - self._began)

    def _tell_problems(self, said: Iterable[str]) -> None:
        for problem in said:
            self._desk.tell(ProblemFound(problem))

    def _mend(self) -> None:
        aside = self._files.set_aside.path.name
        self._tell_problems(f"{line} was damaged, and is set aside in {aside}" for line in self._files.mend())

    def _answered_and_scored(self) -> Failure | None:
        rows = self._desk.rows(self._cell.table)
        self._say_what()
        answered = {line["sample"] for line in self._files.answers.read().values}
        if self._cell.measure is not None and not self._files.measurements.exists():
            answered = {sample for sample in answered if self._files.measurements_of(sample).exists()}
        left_out = {failure.sample for failure in self._job.overdue}
        left = [sample for sample in range(len(rows)) if sample not in answered and sample not in left_out]
        if left:
            self._ask(rows, left, len(answered))
        return self._finish(rows)

    def _say_what(self) -> None:
        """Write ``cell.json``, unless it says the same already."""
        try:
            known = self._files.identity
        except ValueError:
            known = None
        if known != self._cell.identity:
            self._files.write_identity(dict(self._cell.identity))

    def _ask(self, rows: Sequence[Row], left: Sequence[int], answered: int) -> None:
        from .asking import Asking

        ready = self._desk.models().get(self._cell.model)
        logger = self._logger()
        self._began = time.perf_counter()
        self._desk.tell(CellBegun(answered))
        self._asking = Asking(self._cell, rows, self._files, ready, logger, self._desk.tell)
        try:
            self._asking.ask(left)
        except BaseException:
            ready.contexts.clear()  # the memory may be what was missing
            raise

    def _logger(self) -> MicroMetricLogger | None:
        measure = self._cell.measure
        if measure is None:
            return None
        from sah_bench.measure.micro import MicroMetricLogger

        return MicroMetricLogger(measure.metrics, rate=measure.rate, seed=self._cell.seed)

    def _finish(self, rows: Sequence[Row]) -> Failure | None:
        """Put everything into its last form; the scores come last, and where they are, nothing is half done.

        A sample that was answered twice, because its measurements were lost, keeps its first answer.
        """
        found = self._files.answers.read().values
        values = {line["sample"]: line for line in reversed(found)}
        ordered = [values[sample] for sample in sorted(values)]
        if ordered != found:
            self._files.answers.rewrite(ordered)
        failure = self._overdue() if len(values) < len(rows) else None
        if failure is None:
            self._merge_measurements(len(rows))
            self._files.forget_failure()
        else:
            self._files.write_failure(failure.to_dict())
        scores = score_cell(self._files, rows, self._cell.scorer)
        if isinstance(scores, ScoringFailure):
            self._tell_problems([f"answered, and not scored: {scores.error}"])
        return failure

    def _overdue(self) -> Failure:
        first, *others = self._job.overdue
        also = ", ".join(str(failure.sample) for failure in others)
        return evolve(first, message=f"{first.message}; so did samples {also}") if others else first

    def _merge_measurements(self, samples: int) -> None:
        """One file of all samples; where it is, it has them all, and a sample that is measured again is the same."""
        if self._cell.measure is None:
            return
        if not self._files.measurements.exists():
            from sah_bench.measure.micro import MicroMetricLogger

            parts = [self._files.measurements_of(sample) for sample in range(samples)]
            MicroMetricLogger.merge(parts, self._files.measurements)
        shutil.rmtree(self._files.measurements_of(0).parent, ignore_errors=True)


def record(files: CellFiles, failure: Failure) -> list[str]:
    """Write why a cell failed; a problem to be told where that cannot be written either."""
    try:
        files.write_failure(failure.to_dict())
    except OSError as error:
        return [f"its failure cannot be written either: {error}"]
    return []
