"""What `sah run` does: load the model, ask, and show each answer as it comes, for a reader or for a program."""

from __future__ import annotations

import json
import sys
from contextlib import AbstractContextManager, ExitStack, nullcontext
from typing import Any, Protocol

import transformers
from rich.console import Console

from sah_core import RunConfig
from sah_core.cli.console import output_console

from .adapter import ModelAdapterHF
from .layer_progress import OnProgress
from .layers_bar import LayersBar
from .report import AnswerReport, RequestReport
from .request import Request
from .tables import report_tables

__all__ = ["JsonLines", "Output", "Transcript", "run_request"]


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


def run_request(config: RunConfig, request: Request, output: Output, *, measure_error: bool = False) -> None:
    """Answer a request and show it; what was shown before an error or Ctrl-C stays shown."""
    _quieten()
    with output.working("loading the model"):
        adapter = ModelAdapterHF.from_config(config)
    with ExitStack() as waiting:
        on_progress = waiting.enter_context(output.reading())

        def text(number: int, piece: str) -> None:
            waiting.close()
            output.text(number, request.asked[number], piece)

        def answer(number: int, whole: str, _: AnswerReport) -> None:
            waiting.close()
            output.answer(number, request.asked[number], whole)

        response = adapter.process_request(
            request, measure_error=measure_error, on_text=text, on_answer=answer, on_progress=on_progress
        )
    output.report(response.report)


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
