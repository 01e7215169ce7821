"""`LongBenchV2`: long documents with a question of four choices each."""

from __future__ import annotations

from itertools import islice
from typing import Final

from sah_bench.tasks.grouping import by_context
from sah_bench.tasks.records import Record
from sah_bench.tasks.row import Row
from sah_core.errors import ConfigError
from sah_tasks_longcontext.source import SetFile, read_set
from sah_tasks_longcontext.values import filled_text_of, text_of

from .config import LongBenchV2Config

__all__ = ["LongBenchV2"]

_FILE: Final = SetFile("THUDM/LongBench-v2", "data.json")
_CHOICES: Final = ("A", "B", "C", "D")
_KEPT: Final = ("_id", "domain", "sub_domain", "difficulty", "length")
_COLUMNS: Final = (*_KEPT, "question", *(f"choice_{letter}" for letter in _CHOICES), "answer", "context")

# prompts/0shot.txt of github.com/THUDM/LongBench
_CONTEXT: Final = "Please read the following text and answer the question below.\n\n<text>\n$DOC$"
_QUESTION: Final = (
    "\n</text>\n\nWhat is the correct answer to this question: $Q$\nChoices:\n"
    "(A) $C_A$\n(B) $C_B$\n(C) $C_C$\n(D) $C_D$\n\n"
    'Format your response as follows: "The correct answer is (insert answer here)".'
)
_MAX_NEW_TOKENS: Final = 128


class LongBenchV2:
    """The published questions with the published prompt without reasoning, in which every part is stripped.

    Places in the prompt are filled one after another, as the set's script does, so that a document in which ``$Q$``
    itself occurs has the question there. That script samples at temperature 0.1; a benchmark here decodes greedily
    unless it says otherwise.
    """

    def __init__(self, config: LongBenchV2Config) -> None:
        self.config = config

    def rows(self, length: int | None, seed: int) -> tuple[Row, ...]:
        """The first ``samples`` questions that the config asks for, those of one context together; see `Task`.

        Further columns: ``_id``, ``domain``, ``sub_domain``, ``difficulty`` and ``length`` (short, medium or long).
        Raises ConfigError as `read_set` does, for a value of another kind, and where no question is asked for.
        """
        del length, seed  # the set has what it has
        wanted = self.config.wanted
        asked = (
            record
            for record in read_set(_FILE, self.config.path, _COLUMNS)
            if all(record.values[column] == value for column, value in wanted.items())
        )
        rows = by_context(_row(record) for record in islice(asked, self.config.samples))
        if not rows:
            said = " and ".join(f"{column} {value!r}" for column, value in wanted.items())
            raise ConfigError(f"the set has no question with {said}")
        return rows


def _row(record: Record) -> Row:
    answer = text_of(record, "answer")
    if answer not in _CHOICES:
        raise ConfigError(f"{record.place}: answer should be one of {', '.join(_CHOICES)}, not {answer!r}")
    parts = {
        "$DOC$": filled_text_of(record, "context"),
        "$Q$": text_of(record, "question"),
        **{f"$C_{letter}$": text_of(record, f"choice_{letter}") for letter in _CHOICES},
    }
    return Row(
        context=_filled(_CONTEXT, parts),
        question=_filled(_QUESTION, parts),
        answers=(answer,),
        max_new_tokens=_MAX_NEW_TOKENS,
        extra={column: text_of(record, column) for column in _KEPT},
    )


def _filled(template: str, parts: dict[str, str]) -> str:
    for place, text in parts.items():
        template = template.replace(place, text.strip())
    return template
