"""A record's right answers as texts."""

from __future__ import annotations

import json
from typing import Any, Final

from sah_bench.tasks.records import Record, shown
from sah_core.errors import ConfigError

from .config import InfiniteBenchTask

__all__ = ["LETTERS", "answers_of"]

LETTERS: Final = "ABCD"


def answers_of(record: Record, task: InfiniteBenchTask) -> tuple[str, ...]:
    """The answers that the task's scorer knows.

    * ``code_debug`` and ``longbook_choice_eng``: the right option and its letter, as ``get_answer`` gives them;
    * ``math_calc``: the list of all values as one answer, such as ``[8, 5, 7, 3]``;
    * all others: each answer, numbers as they are written.

    Raises ConfigError where there is none of that kind.
    """
    given = record.values["answer"]
    answers = given if isinstance(given, list) else [given]
    if not answers:
        raise ConfigError(f"{record.place}: answer is empty")
    if task == "math_calc":
        return (json.dumps(_whole_numbers(record, answers)),)
    texts = tuple(_text(record, answer) for answer in answers)
    return _with_letter(record, texts) if task in ("code_debug", "longbook_choice_eng") else texts


def _text(record: Record, answer: Any) -> str:
    if isinstance(answer, str) or (isinstance(answer, int | float) and not isinstance(answer, bool)):
        return str(answer)
    raise ConfigError(f"{record.place}: answer should be text, a number, or a list of them, not {shown(answer)}")


def _whole_numbers(record: Record, answers: list[Any]) -> list[int]:
    """Of the list, or of the only list in it; numbers may be written as text, as they are in some copies of the set."""
    values = answers[0] if len(answers) == 1 and isinstance(answers[0], list) else answers
    try:
        found = [int(_text(record, value)) for value in values]
    except ValueError:
        found = []
    if not found:
        raise ConfigError(
            f"{record.place}: answer should be a list of whole numbers, not {shown(record.values['answer'])}"
        )
    return found


def _with_letter(record: Record, texts: tuple[str, ...]) -> tuple[str, str]:
    options = record.values["options"]
    if len(texts) == 1 and texts[0] in options:
        return texts[0], LETTERS[options.index(texts[0])]
    if len(texts) == 2 and texts[1] in LETTERS:
        return texts[0], texts[1]
    raise ConfigError(
        f"{record.place}: answer should be one of the options, or one with its letter, not "
        f"{shown(record.values['answer'])}"
    )
