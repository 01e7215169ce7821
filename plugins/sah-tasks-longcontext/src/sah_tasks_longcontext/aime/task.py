"""`AIME`: short problems whose solutions are long."""

from __future__ import annotations

from itertools import islice
from typing import Any, Final

from attrs import frozen

from sah_bench.tasks.grouping import by_context
from sah_bench.tasks.records import Record, shown
from sah_bench.tasks.row import Row
from sah_core.errors import ConfigError
from sah_tasks_longcontext.scoring.boxed import whole_number
from sah_tasks_longcontext.source import SetFile, read_set
from sah_tasks_longcontext.values import filled_text_of

from .config import AIMEConfig

__all__ = ["AIME"]

_INSTRUCTION: Final = "\n\nPlease reason step by step, and put your final answer within \\boxed{}."


@frozen
class _Year:
    file: SetFile
    problem: str
    answer: str
    id: str


_YEARS: Final = {
    2024: _Year(SetFile("Maxwell-Jia/AIME_2024", "aime_2024_problems.parquet"), "Problem", "Answer", "ID"),
    2025: _Year(SetFile("math-ai/aime25", "test.jsonl"), "problem", "answer", "id"),
}


class AIME:
    """The problem is the context, and the instruction to reason and to box the answer is the question.

    What is long here is the solution: the protocol ``generation`` reads both densely and makes attention sparse from
    the first new token on. Models that talk are asked with ``chat: true``. The papers of reasoning models sample
    several solutions a problem at a temperature that the model's authors name; a greedy one often repeats itself.
    """

    def __init__(self, config: AIMEConfig) -> None:
        self.config = config

    def rows(self, length: int | None, seed: int) -> tuple[Row, ...]:
        """The first ``samples`` problems; see `Task`. Further columns: ``id`` and ``year``.

        Raises ConfigError as `read_set` does, and for an answer that is no whole number from 0 to 999.
        """
        del length, seed  # the set has what it has
        year = _YEARS[self.config.year]
        records = read_set(year.file, self.config.path, (year.problem, year.answer, year.id))
        return by_context(self._row(record, year) for record in islice(records, self.config.samples))

    def _row(self, record: Record, year: _Year) -> Row:
        return Row(
            context=filled_text_of(record, year.problem),
            question=_INSTRUCTION,
            answers=(_answer(record, record.values[year.answer], year.answer),),
            max_new_tokens=self.config.max_new_tokens,
            extra={"id": str(record.values[year.id]), "year": self.config.year},
        )


def _answer(record: Record, value: Any, column: str) -> str:
    """Without leading zeros and marks: a set has 25 for "025", and 336 for ``336^\\circ``."""
    number = whole_number(value if isinstance(value, str) else str(value))
    if number is None or number > 999:
        raise ConfigError(f"{record.place}: {column} should be a whole number from 0 to 999, not {shown(value)}")
    return str(number)
