"""`Asking`: what is left of a cell, asked of its model, each answer on the disk as soon as it is there."""

from __future__ import annotations

import hashlib
import time
from collections.abc import Callable, Hashable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, Literal

import torch
from attrs import define, evolve, field, frozen

from sah_bench.plan.cell import Cell
from sah_bench.store.cell_files import CellFiles
from sah_bench.tasks.row import Row
from sah_hf.adapter import ModelAdapterHF
from sah_hf.contexts.read_context import ReadContext
from sah_hf.reports.peak_memory import PeakMemory
from sah_hf.reports.report import AnswerReport
from sah_hf.requests.request import Request

from .events import Event, SampleAnswered, SampleBegun
from .fitting import FittedContext, fitted_contexts
from .models import ReadyModel
from .syncing import Syncing
from .times import Reading, Times

if TYPE_CHECKING:
    from sah_bench.measure.micro import MicroMetricLogger

__all__ = ["Asking"]


@define(eq=False)
class Asking:
    """The questions of one cell on their way through a model.

    ``sample`` is the one that is being answered; ``model_seconds`` went into the adapter, which reads and answers, and
    so would be needed without anything of this.
    """

    cell: Cell
    rows: Sequence[Row]
    files: CellFiles
    ready: ReadyModel
    logger: MicroMetricLogger | None
    tell: Callable[[Event], None]
    sample: int | None = None
    model_seconds: float = 0.0
    _syncing: Syncing = field(init=False)
    _memory: PeakMemory = field(init=False)

    def ask(self, samples: Sequence[int]) -> None:
        """Answer these samples, in their order; raises whatever stops it, and what was answered until then stays."""
        fitted = self._fitted()
        dense = self.cell.protocol == "dense"
        adapter = ModelAdapterHF(
            self.ready.model,
            self.cell.attention,
            self.ready.tokenizer,
            None if dense else {"sparse_from": self.cell.protocol},
            self.cell.generation,
        )
        self._memory = PeakMemory.of(self.ready.model)
        with Syncing(self.files.answers) as self._syncing:
            for batch in _batches(self.rows, samples):
                self._ask_together(adapter, fitted[self.rows[batch[0]].context], batch)
        self.sample = None

    def _ask_together(self, adapter: ModelAdapterHF, fitted: FittedContext, batch: Sequence[int]) -> None:
        """Answer samples that share context, answer prefix, number of new tokens, and whether it is a chat."""
        row = self.rows[batch[0]]
        questions = [self.rows[sample].question for sample in batch]
        request = Request(fitted.text, questions, row.answer_prefix, chat=row.chat)
        self.sample = batch[0]
        self.tell(SampleBegun(batch[0]))
        self._memory.lap()
        with self._counted(1):
            context, new = self.ready.contexts.get(
                (fitted.text, row.chat), self._table, lambda: adapter.read_context(request)
            )
            reading = Reading(context.seconds, self._memory.lap()) if new else None
            if self._warm_up(adapter, request, context):
                self.tell(SampleBegun(batch[0]))  # what was compiled is no part of its time

        def keep(number: int, answer: str, report: AnswerReport) -> None:
            first = reading if number == 0 else None
            with self._counted(-1):
                self._keep(_Answered(batch[number], answer, report, fitted.cut, context, first))
                if number + 1 < len(batch):
                    self.tell(SampleBegun(batch[number + 1]))
                    self._prepare(batch[number + 1], context)

        self._prepare(batch[0], context)
        with self._counted(1):
            adapter.process_request(
                request, self._new_tokens_option(row), context=context, on_answer=keep, on_call=self.logger
            )

    def _warm_up(self, adapter: ModelAdapterHF, request: Request, context: ReadContext) -> bool:
        """Ask a question for nothing where this worker has not used such attention yet; whether that was so.

        What is loaded and compiled then is in no answer's seconds.
        """
        attention = self.cell.attention
        kinds = () if attention is None else (attention.kind, *(masker.kind for masker in attention.every_masker))
        if kinds in self.ready.warm:
            return False
        first = evolve(request, questions=request.asked[:1])
        adapter.process_request(first, {"max_new_tokens": 2}, context=context)
        self.ready.warm.add(kinds)
        return True

    @contextmanager
    def _counted(self, sign: Literal[1, -1]) -> Iterator[None]:
        """Count the time in it as the adapter's, or take it off that again."""
        start = time.perf_counter()
        try:
            yield
        finally:
            self.model_seconds += sign * (time.perf_counter() - start)

    def _prepare(self, sample: int, context: ReadContext) -> None:
        self.sample = sample
        self._memory.lap()
        if self.logger is not None:
            self.logger.begin(sample, len(context.tokens))
        if self.cell.generation.get("do_sample"):
            # Of the sample alone, so that a run that goes on here draws what an undisturbed one would.
            digest = hashlib.sha256(f"{self.cell.seed} {sample}".encode()).digest()
            torch.manual_seed(int.from_bytes(digest[:8]) >> 1)

    def _keep(self, answered: _Answered) -> None:
        """Write all that is known of a sample, its answer last: what has an answer is never asked again.

        From then on no end of this process can take it back. The disk, which is slow to confirm that it has it, does so
        while the next question is answered, so a power failure may cost the last answer.
        """
        sample, report, reading = answered.sample, answered.report, answered.reading
        times = Times(
            sample=sample,
            context_tokens=len(answered.context.tokens),
            question_tokens=report.question_tokens,
            context_seconds=None if reading is None else reading.seconds,
            context_bytes=answered.context.nbytes,
            context_memory_bytes=None if reading is None else reading.memory_bytes,
            first_token_seconds=report.first_token_seconds,
            seconds=report.seconds,
            index_bytes=None if self.cell.attention is None else report.index_bytes,
            memory_bytes=self._memory.lap(),
            worker=self.ready.device,
        )
        self.files.times.append(times.to_dict())
        if self.logger is not None:
            self.logger.write(self.files.measurements_of(sample))
            for failed in self.logger.errors:
                said = {"metric": failed.metric, "sample": failed.sample, "said": str(failed)}
                self.files.metric_failures.append(said)
            self.logger.errors.clear()
        self.files.answers.append(
            {
                "sample": sample,
                "answer": answered.answer,
                "tokens": report.answer_tokens,
                "attended": report.attended,
                "visible": report.visible,
                "cut": answered.cut,
            }
        )
        self._syncing.begin()
        self.tell(SampleAnswered(sample))

    def _fitted(self) -> Mapping[str, FittedContext]:
        return self.ready.fitted(
            self._table,
            lambda: fitted_contexts(
                self.rows, self.ready.tokenizer, self.ready.positions, self._new_tokens, self.cell.truncate
            ),
        )

    @property
    def _table(self) -> Hashable:
        """What cells have in common whose contexts are the same: the rows, and how these are made to fit."""
        return self.cell.table, self.cell.truncate, self.cell.generation.get("max_new_tokens")

    def _new_tokens(self, row: Row) -> int:
        return int(self.cell.generation.get("max_new_tokens", row.max_new_tokens))

    def _new_tokens_option(self, row: Row) -> dict[str, Any]:
        return {} if "max_new_tokens" in self.cell.generation else {"max_new_tokens": row.max_new_tokens}


@frozen
class _Answered:
    """One answer, and what belongs to it."""

    sample: int
    answer: str
    report: AnswerReport
    cut: int
    context: ReadContext
    reading: Reading | None
    """Where the context was read for it."""


def _batches(rows: Sequence[Row], samples: Sequence[int]) -> Iterator[list[int]]:
    """Samples that one request can ask, in the order in which the first of each comes."""
    batches: dict[tuple[str, str, int, bool], list[int]] = {}
    for sample in samples:
        row = rows[sample]
        batches.setdefault((row.context, row.answer_prefix, row.max_new_tokens, row.chat), []).append(sample)
    yield from batches.values()
