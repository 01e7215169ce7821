"""`Request`, one context and what is asked about it, and `RequestResponse`, what came back."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from attrs import field, frozen

from sah_hf.errors import RequestError
from sah_hf.reports.report import RequestReport

__all__ = ["Request", "RequestResponse", "asked_of"]


def _questions(given: str | Sequence[str]) -> str | tuple[str, ...]:
    return given if isinstance(given, str) or not isinstance(given, Sequence) else tuple(given)


def _is_text(request: Request, attribute: Any, value: Any) -> None:
    if not isinstance(value, str):
        raise RequestError(f"a request's {attribute.name} should be a string, not {type(value).__name__}")


@frozen
class Request:
    """A context, and one or several questions about it.

    Each question is asked of the context alone: no question sees another, nor its answer. Context and question are
    tokenized apart, and nothing is put between them: begin the question with the space or line break that it needs.

    * ``answer_prefix``: the first words of every answer, given to the model after the question and not repeated in it.
    * ``chat``: put context and question into one user turn of the tokenizer's chat template.

    Raises RequestError for an empty context, no questions, or anything that is not text.
    """

    context: str = field(validator=_is_text)
    questions: str | tuple[str, ...] = field(converter=_questions)
    answer_prefix: str = field(default="", validator=_is_text)
    chat: bool = field(default=False, kw_only=True)

    def __attrs_post_init__(self) -> None:
        if not self.context.strip():
            raise RequestError("the context is empty: a request needs some text to ask about")
        asked_of(self.questions, self.answer_prefix)

    @property
    def asked(self) -> tuple[str, ...]:
        """The questions, as a tuple also where there is one."""
        return (self.questions,) if isinstance(self.questions, str) else self.questions


def asked_of(questions: str | Sequence[str], answer_prefix: str) -> tuple[str, ...]:
    """The questions, as a tuple also where there is one; RequestError where they are none that could be asked."""
    if not isinstance(questions, str | Sequence):
        raise RequestError(f"questions should be a string or a list of strings, not {type(questions).__name__}")
    if not isinstance(answer_prefix, str):
        raise RequestError(f"an answer prefix should be a string, not {type(answer_prefix).__name__}")
    asked = (questions,) if isinstance(questions, str) else tuple(questions)
    if not asked:
        raise RequestError("the list of questions is empty: ask at least one")
    for number, question in enumerate(asked):
        if not isinstance(question, str):
            raise RequestError(f"question {number} should be a string, not {type(question).__name__}")
        if not (question.strip() or answer_prefix.strip()):
            raise RequestError(f"question {number} is empty: a question, or an answer prefix, needs some text")
    return asked


@frozen
class RequestResponse:
    """The answers to a request, and what happened while they were made."""

    responses: str | list[str]
    """One string where the request has a single question string, else a list in the questions' order."""
    report: RequestReport
