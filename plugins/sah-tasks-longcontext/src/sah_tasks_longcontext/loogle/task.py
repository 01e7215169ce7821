"""`Loogle`: its four tasks as rows."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from itertools import islice
from typing import Final

from sah_bench.tasks.grouping import by_context
from sah_bench.tasks.row import Row
from sah_tasks_longcontext.source import SetFile, read_set

from .config import LoogleConfig, LoogleTask
from .prompts import MAX_NEW_TOKENS, PROMPTS
from .questions import Question, questions_of

__all__ = ["Loogle"]

_REPOSITORY: Final = "bigai-nlco/LooGLE"
_FILES: Final[Mapping[LoogleTask, str]] = {
    "shortdep_qa": "data/shortdep_qa.jsonl",
    "longdep_qa": "data/longdep_qa.jsonl",
    "longdep_summarization": "data/summarization.jsonl",
    "shortdep_cloze": "data/shortdep_cloze.jsonl",
}


class Loogle:
    """The published questions with the published prompts: context and question together are the prompt to the letter.

    The context ends with the document, so all questions about it share one reading. The set's protocol leaves out the
    middle of a prompt that is too long (`truncate: middle`), and decodes greedily, outside of a chat.
    """

    def __init__(self, config: LoogleConfig) -> None:
        self.config = config

    def rows(self, length: int | None, seed: int) -> tuple[Row, ...]:
        """The first ``samples`` questions, those of one document together; see `Task`.

        Raises ConfigError as `read_set` does, and for a record that is not the task's.
        """
        del length, seed  # the set has what it has
        return by_context(self._row(question) for question in islice(self._questions(), self.config.samples))

    def _questions(self) -> Iterator[Question]:
        task = self.config.task
        for record in read_set(SetFile(_REPOSITORY, _FILES[task]), self.config.path, ()):
            yield from questions_of(record, task)

    def _row(self, question: Question) -> Row:
        prompt = PROMPTS[self.config.task]
        return Row(
            context=prompt.instruction + question.document,
            question=prompt.question.format(question=question.text),
            answers=(question.answer,),
            max_new_tokens=MAX_NEW_TOKENS[self.config.task],
        )
