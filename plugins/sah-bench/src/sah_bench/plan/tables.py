"""`Tables`: the rows of a benchmark's tasks, made once for all models, or for each where its tokenizer decides them."""

from __future__ import annotations

from collections.abc import Hashable, Iterator, Sequence
from contextlib import contextmanager
from typing import Any

from attrs import evolve, field, frozen

from sah_bench.config.bench import BenchConfig, ModelEntry
from sah_bench.store.stored_tables import StoredTables
from sah_bench.tasks.row import Row
from sah_bench.tasks.task import TaskConfig
from sah_core.errors import ConfigError, SahError
from sah_core.plugins import Registry

__all__ = ["Table", "Tables"]


@frozen
class Table:
    """The rows of one task at one length with one seed: how many, and their digest."""

    task: TaskConfig
    length: int | None
    seed: int
    samples: int
    digest: str


@frozen(eq=False)
class Tables:
    """Makes rows, each table once, and keeps them in ``stored``."""

    config: BenchConfig
    stored: StoredTables
    registry: Registry
    _made: dict[Hashable, tuple[int, str]] = field(factory=dict, init=False)
    _tokenizers: dict[ModelEntry, Any] = field(factory=dict, init=False)
    _scored: dict[str, TaskConfig] = field(factory=dict, init=False)

    def of(self, model: ModelEntry) -> Iterator[Table]:
        """Every table that this model is asked, in the order of tasks, lengths and seeds.

        Raises ConfigError or UsageError, naming the task, where it has no rows; UnknownModelError where rows depend on
        a tokenizer that cannot be had.
        """
        for task in self.config.tasks:
            for length in self.config.lengths if task.sized else (None,):
                for seed in self.config.seeds:
                    samples, digest = self._kept(task, length, seed, model)
                    table = Table(task, length, seed, samples, digest)
                    self._check_scorer(table)
                    yield table

    def learned_from(self, model: ModelEntry) -> list[Sequence[Row]]:
        """The rows of each task that maskers learn from before this model is asked; raises as `of` does."""
        asked = self.config.calibration
        if asked is None:
            return []
        return [self._rows(task, asked.length if task.sized else None, asked.seed, model) for task in asked.tasks]

    def _kept(self, task: TaskConfig, length: int | None, seed: int, model: ModelEntry) -> tuple[int, str]:
        key = (task.model_dump_json(), length, seed if task.seeded else 0, model if task.tokenized else None)
        if key not in self._made:
            rows = self._rows(task, length, seed, model)
            with _named(task, length):
                self._made[key] = len(rows), self.stored.add(rows)
        return self._made[key]

    def _rows(self, task: TaskConfig, length: int | None, seed: int, model: ModelEntry) -> Sequence[Row]:
        tokenizer = (self._tokenizer(model),) if task.tokenized else ()
        with _named(task, length):
            rows: Sequence[Row] = self.registry.tasks.load(task.kind)(task).rows(length, seed, *tokenizer)
            if not rows:
                raise ConfigError("there are no rows, so there is nothing to ask")
        return tuple(evolve(row, chat=True) for row in rows) if task.in_chat else rows

    def _tokenizer(self, model: ModelEntry) -> Any:
        from sah_hf.models.loading import load_tokenizer

        if model not in self._tokenizers:
            self._tokenizers[model] = load_tokenizer(model.config)
        return self._tokenizers[model]

    def _check_scorer(self, table: Table) -> None:
        """The same rows are one cell with one score, whatever their task is called."""
        other = self._scored.setdefault(table.digest, table.task)
        if other.scored_by != table.task.scored_by:
            raise ConfigError(
                f"tasks {other.label!r} and {table.task.label!r} ask the same rows, and score them with "
                f"{other.scored_by!r} and {table.task.scored_by!r}: leave one out, and run again with the other "
                "scorer, which asks nothing anew"
            )


@contextmanager
def _named(task: TaskConfig, length: int | None) -> Iterator[None]:
    """Errors within it name the task and its length."""
    try:
        yield
    except SahError as error:
        at = "" if length is None else f" at length {length}"
        raise type(error)(f"task {task.label!r}{at}: {error}") from error
