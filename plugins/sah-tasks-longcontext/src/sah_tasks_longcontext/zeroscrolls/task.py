"""`ZeroScrolls`: its ten tasks as rows."""

from __future__ import annotations

from itertools import islice
from typing import Final

from attrs import frozen

from sah_bench.tasks.grouping import by_context
from sah_bench.tasks.records import Record, shown
from sah_bench.tasks.row import Row
from sah_core.errors import ConfigError
from sah_tasks_longcontext.source import SetFile, read_set
from sah_tasks_longcontext.values import filled_text_of

from .config import ZeroScrollsConfig

__all__ = ["ZeroScrolls"]

_REPOSITORY: Final = "tau/zero_scrolls"
_LEADERBOARD: Final = "https://www.zero.scrolls-benchmark.com"
_COLUMNS: Final = ("id", "input", "output", "document_end_index")
_MAX_NEW_TOKENS: Final = 1024
"""For every task: tau-nlp/zero_scrolls, experiments/hf/run_hf_model.py."""


class ZeroScrolls:
    """The published prompts: context and question together are the column ``input``.

    The context ends with the document. Records with one ``id`` are one question with several right answers.
    """

    def __init__(self, config: ZeroScrollsConfig) -> None:
        self.config = config

    def rows(self, length: int | None, seed: int) -> tuple[Row, ...]:
        """The first ``samples`` questions of the split, those of one document together; see `Task`.

        ``id`` is a further column. Raises ConfigError as `read_set` does, for a record that is not the set's, and where
        there are no answers, as in the published test split.
        """
        del length, seed  # the set has what it has
        asked = islice(self._answers().items(), self.config.samples)
        return by_context(
            Row(question.context, question.text, tuple(answers), _MAX_NEW_TOKENS, extra={"id": question.id})
            for question, answers in asked
        )

    def _answers(self) -> dict[_Question, list[str]]:
        """Every question with its right answers, in the order of their first appearance."""
        task, split = self.config.task, self.config.split
        file = SetFile(_REPOSITORY, f"{task}.zip", f"{task}/{split}.jsonl")
        found: dict[_Question, list[str]] = {}
        for record in read_set(file, self.config.path, _COLUMNS):
            found.setdefault(_question(record), []).append(_answer(record))
        return found


@frozen
class _Question:
    id: str
    context: str
    text: str


def _question(record: Record) -> _Question:
    text, end = filled_text_of(record, "input"), record.values["document_end_index"]
    if type(end) is not int or end <= 0 or not (text[:end].strip() and text[end:].strip()):
        raise ConfigError(
            f"{record.place}: document_end_index should be where the document ends in the {len(text)} characters of "
            f"input, with words before and after it, not {shown(end)}"
        )
    return _Question(filled_text_of(record, "id"), text[:end], text[end:])


def _answer(record: Record) -> str:
    if record.values["output"] is None:
        raise ConfigError(
            f"{record.place}: there is no answer to score with, as ZeroSCROLLS does not publish those of its test "
            f"split: ask with split: validation, or submit answers to its leaderboard, {_LEADERBOARD}"
        )
    return filled_text_of(record, "output")
