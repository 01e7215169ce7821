"""`LongBench`: one dataset of LongBench or LongBench-E as rows."""

from __future__ import annotations

from itertools import islice
from typing import Final

from sah_bench.tasks.grouping import by_context
from sah_bench.tasks.records import Record, shown
from sah_bench.tasks.row import Row
from sah_core.errors import ConfigError
from sah_tasks_longcontext.source import SetFile, read_set
from sah_tasks_longcontext.values import filled_text_of, text_of, texts_of

from .config import LongBenchConfig
from .datasets import DATASETS

__all__ = ["LongBench"]

_LANGUAGES: Final = ("en", "zh")
"""Whose words the set's scorers know; code is compared letter by letter, whatever its language."""
_COLUMNS: Final = ("input", "context", "answers", "length", "language", "all_classes", "_id")


class LongBench:
    """The published questions with the published prompts: context and question together are the prompt to the letter.

    The context ends with the document, so that the question, whatever it is called in a dataset, comes after it.
    The set's protocol leaves out the middle of a prompt that is too long (`truncate: middle`), decodes greedily, and
    asks models that talk in their chat, except where an answer continues the text.
    There ``samsum`` is stopped at the first line break, and no answer to it begins with one; here its scorer passes
    over line breaks at the beginning, and reads up to the next one.
    """

    def __init__(self, config: LongBenchConfig) -> None:
        self.config = config

    def rows(self, length: int | None, seed: int) -> tuple[Row, ...]:
        """The first ``samples`` questions, those of one context together; see `Task`.

        Further columns: ``dataset``, ``language``, ``length`` (in words, or characters of Chinese), ``all_classes``
        of a classification, and ``_id``. Raises ConfigError as `read_set` does, and for a value of another type or a
        language that the set does not have.
        """
        del length, seed  # the set has what it has
        member = f"data/{self.config.dataset}{'_e' if self.config.extended else ''}.jsonl"
        records = read_set(SetFile("THUDM/LongBench", "data.zip", member), self.config.path, _COLUMNS)
        return by_context(self._row(record) for record in islice(records, self.config.samples))

    def _row(self, record: Record) -> Row:
        dataset = DATASETS[self.config.dataset]
        if dataset.category != "code" and text_of(record, "language") not in _LANGUAGES:
            raise ConfigError(
                f"{record.place}: the set has no scorer for the language {shown(record.values['language'])}; "
                f"it knows {' and '.join(_LANGUAGES)}"
            )
        before, after = dataset.prompt.split("{context}")
        return Row(
            context=before + filled_text_of(record, "context"),
            question=after.format(input=text_of(record, "input")),
            answers=texts_of(record, "answers"),
            max_new_tokens=dataset.max_new_tokens,
            extra={
                "dataset": self.config.dataset,
                "all_classes": None if record.values["all_classes"] is None else [*texts_of(record, "all_classes")],
                **{column: record.values[column] for column in ("language", "length", "_id")},
            },
        )
