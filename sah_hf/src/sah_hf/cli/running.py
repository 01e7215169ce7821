"""What `sah run` does: load the model, ask, and show each answer as it comes, for a reader or for a program."""

from __future__ import annotations

import json
import sys
from collections.abc import Sequence
from contextlib import AbstractContextManager, ExitStack, nullcontext
from pathlib import Path
from typing import Any, Protocol

import transformers
from rich.console import Console

from sah_core import RunConfig
from sah_core.cli.console import output_console
from sah_hf.adapter import ModelAdapterHF
from sah_hf.contexts.layer_progress import OnProgress
from sah_hf.kept.kept_context import KeptContext
from sah_hf.kept.saved_folder import check_free, read_record
from sah_hf.reports.report import AnswerReport, RequestReport
from sah_hf.requests.request import Request

from .layers_bar import LayersBar
from .tables import report_tables

__all__ = ["JsonLines", "Output", "Transcript", "run_kept", "run_request"]


class Output(Protocol):
    """Where answers go."""

    def working(self, what: str) -> AbstractContextManager[Any]:
        """Say what is being waited for, as long as it lasts."""

    def reading(self) -> AbstractContextManager[OnProgress | None]:
        """Show how far the reading of the context is, until the first words come."""

    def text(self, number: int, question: str, piece: str) -> None:
        """Show a piece of a growing answer."""

    def answer(self, number: int, question: str, answer: str) -> None:
        """Show a finished answer."""

    def report(self, report: RequestReport) -> None:
        """Show what happened."""

    def saved(self, folder: Path, context: KeptContext) -> None:
        """Say what was saved, and where."""


def run_request(config: RunConfig, request: Request, output: Output, *, measure_error: bool = False) -> None:
    """Answer a request and show it; what was shown before an error or Ctrl-C stays shown."""
    adapter = _adapter(config, output)
    with ExitStack() as waiting:
        on_progress = waiting.enter_context(output.reading())
        response = adapter.process_request(
            request, measure_error=measure_error, on_progress=on_progress, **_shown(output, request.asked, waiting)
        )
    output.report(response.report)


def run_kept(
    config: RunConfig,
    source: Request | Path,
    output: Output,
    *,
    questions: Sequence[str] = (),
    answer_prefix: str = "",
    save: Path | None = None,
    measure_error: bool = False,
) -> None:
    """Read a request's context, or load one from a folder; ask it the questions; save it, if a folder is given.

    A folder that is no context, or not free for one, is refused before a model is loaded.
    """
    if save is not None:
        check_free(save)
    if isinstance(source, Path):
        read_record(source)
    adapter = _adapter(config, output)
    if isinstance(source, Path):
        with output.working("loading the context"):
            context = adapter.load_context(source)
    else:
        with output.reading() as on_progress:
            context = adapter.context(source.context, chat=source.chat, on_progress=on_progress)
    if questions:
        with ExitStack() as waiting:
            waiting.enter_context(output.working("reading the question"))
            shown = _shown(output, questions, waiting)
            response = context.ask(questions, answer_prefix, measure_error=measure_error, **shown)
        output.report(response.report)
    if save is not None:
        with output.working("saving the context"):
            context.save(save)
        output.saved(save, context)


def _adapter(config: RunConfig, output: Output) -> ModelAdapterHF:
    _quieten()
    with output.working("loading the model"):
        return ModelAdapterHF.from_config(config)


def _shown(output: Output, asked: Sequence[str], waiting: ExitStack) -> dict[str, Any]:
    """Callbacks that show answers, the first of which ends the waiting."""

    def text(number: int, piece: str) -> None:
        waiting.close()
        output.text(number, asked[number], piece)

    def answer(number: int, whole: str, _: AnswerReport) -> None:
        waiting.close()
        output.answer(number, asked[number], whole)

    return {"on_text": text, "on_answer": answer}


def _quieten() -> None:
    """Keep transformers' remarks, and in a pipe its progress bars, out of the transcript."""
    logging: Any = transformers.logging  # which transformers leaves untyped
    logging.set_verbosity_error()
    if not sys.stderr.isatty():
        logging.disable_progress_bar()


class JsonLines:
    """One JSON object a line: an answer when it is finished, at the end the report."""

    def working(self, what: str) -> AbstractContextManager[Any]:
        """Say nothing."""
        return nullcontext()

    def reading(self) -> AbstractContextManager[OnProgress | None]:
        """Say nothing."""
        return nullcontext()

    def text(self, number: int, question: str, piece: str) -> None:
        """Wait for the whole answer."""

    def answer(self, number: int, question: str, answer: str) -> None:
        """Print the answer's line."""
        self._print({"number": number, "question": question, "answer": answer})

    def report(self, report: RequestReport) -> None:
        """Print the report's line."""
        self._print({"report": report.to_dict()})

    def saved(self, folder: Path, context: KeptContext) -> None:
        """Print a line of what was saved."""
        self._print({"saved": str(folder), "tokens": len(context.tokens), "bytes": context.nbytes})

    def _print(self, value: dict[str, Any]) -> None:
        print(json.dumps(value, ensure_ascii=False), flush=True)


class Transcript:
    """Questions and answers to read; on a terminal an answer grows as it is generated."""

    def __init__(self) -> None:
        self._streams = sys.stdout.isatty()
        self._begun = -1

    def working(self, what: str) -> AbstractContextManager[Any]:
        """A spinner on a terminal, nothing elsewhere."""
        errors = Console(stderr=True)
        return errors.status(what) if errors.is_terminal else nullcontext()

    def reading(self) -> AbstractContextManager[OnProgress | None]:
        """A bar on a terminal, nothing elsewhere."""
        return LayersBar(Console(stderr=True))

    def text(self, number: int, question: str, piece: str) -> None:
        """Print the piece where somebody watches."""
        if self._streams:
            self._begin(number, question)
            print(piece, end="", flush=True)

    def answer(self, number: int, question: str, answer: str) -> None:
        """Print the answer, or end the lines that it grew on."""
        self._begin(number, question)
        print("\n" if self._streams else f"{answer}\n", flush=True)

    def _begin(self, number: int, question: str) -> None:
        if number != self._begun:
            self._begun = number
            print(question.strip(), flush=True)

    def report(self, report: RequestReport) -> None:
        """Print the report's tables."""
        console = output_console()
        for number, table in enumerate(report_tables(report)):
            console.print(*([""] if number else []), table, sep="\n")

    def saved(self, folder: Path, context: KeptContext) -> None:
        """Print a sentence of what was saved."""
        print(f"saved the context, {len(context.tokens)} tokens and {context.nbytes / 1e6:.3g} MB, to {folder}")
