"""`InfiniteBench`: its twelve tasks as rows."""

from __future__ import annotations

from itertools import islice
from typing import Any, Final

from sah_bench.tasks.grouping import by_context
from sah_bench.tasks.records import Record, shown
from sah_bench.tasks.row import Row
from sah_core.errors import ConfigError
from sah_tasks_longcontext.source import SetFile, read_set
from sah_tasks_longcontext.values import filled_text_of, text_of, texts_of

from .answers import LETTERS, answers_of
from .config import InfiniteBenchConfig
from .prompts import MAX_NEW_TOKENS, PROMPTS, function_call, sought_number

__all__ = ["InfiniteBench"]

_REPOSITORY: Final = "xinrongzhang2022/InfiniteBench"
_COLUMNS: Final = ("id", "context", "input", "answer")
_OF_CHOICES: Final = ("longbook_choice_eng", "code_debug")


class InfiniteBench:
    """The published questions with the published prompts: context and question together are the prompt to the letter.

    The context ends with the document. The set's protocol leaves out the middle of a prompt that is too long
    (`truncate: middle`), and decodes greedily, outside of a chat.
    """

    def __init__(self, config: InfiniteBenchConfig) -> None:
        self.config = config

    def rows(self, length: int | None, seed: int) -> tuple[Row, ...]:
        """The first ``samples`` questions, those of one context together; see `Task`.

        ``id`` is a further column. Raises ConfigError as `read_set` does, and for a record that is not the task's.
        """
        del length, seed  # the set has what it has
        task = self.config.task
        columns = (*_COLUMNS, "options") if task in _OF_CHOICES else _COLUMNS
        records = read_set(SetFile(_REPOSITORY, f"{task}.jsonl"), self.config.path, columns)
        return by_context(self._row(record) for record in islice(records, self.config.samples))

    def _row(self, record: Record) -> Row:
        task, fields = self.config.task, self._fields(record)
        return Row(
            context=PROMPTS[task].context.format_map(fields),
            question=PROMPTS[task].question.format_map(fields),
            answers=answers_of(record, task),
            max_new_tokens=MAX_NEW_TOKENS[task],
            extra={"id": record.values["id"]},
        )

    def _fields(self, record: Record) -> dict[str, Any]:
        task = self.config.task
        asked = text_of(record, "input")
        fields: dict[str, Any] = {"context": filled_text_of(record, "context"), "input": asked}
        if task in _OF_CHOICES:
            fields["options"] = _options(record)
        elif task == "math_find":
            fields["number"] = sought_number(asked)
            if fields["number"] is None:
                raise ConfigError(f"{record.place}: input should ask for 'The ... of the list', not {shown(asked)}")
        elif task == "code_run":
            call = function_call(asked)
            if call is None:
                raise ConfigError(f"{record.place}: input should have a call such as func_1(-3), not {shown(asked)}")
            fields["function"], fields["call"] = call
        return fields


def _options(record: Record) -> tuple[str, ...]:
    options = texts_of(record, "options")
    if len(options) != len(LETTERS):
        raise ConfigError(f"{record.place}: options should be four, and are {len(options)}")
    return options
