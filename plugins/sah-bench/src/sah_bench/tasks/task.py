"""What a task is: a config, and an object that makes rows from it."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, ClassVar, Protocol

from pydantic import Field

from sah_core.config.wording import ConfigSection

from .row import Row

__all__ = ["Task", "TaskConfig", "TaskWarning", "TokenizedTask"]


class TaskWarning(UserWarning):
    """The rows of a task are not quite what was asked for; the message says how."""


class TaskConfig(ConfigSection):
    """The parameters of one task; subclass it with a ``kind: Literal["name"] = "name"`` field and your own.

    * ``sized``: its contexts have a length, so the benchmark's ``lengths`` apply;
    * ``seeded``: its rows are drawn, so the benchmark's ``seeds`` draw other ones;
    * ``tokenized``: its rows are made for one tokenizer, as where a length counts the model's own tokens: see
      `TokenizedTask`;
    * ``default_scorer``: scores its answers where the config names no scorer.
    """

    sized: ClassVar[bool] = False
    seeded: ClassVar[bool] = False
    tokenized: ClassVar[bool] = False
    default_scorer: ClassVar[str] = "exact"

    kind: str
    name: str | None = Field(default=None, min_length=1, description="what reports call it")
    scorer: str | None = Field(default=None, min_length=1, description="how answers are scored")
    samples: int | None = Field(default=None, ge=1, description="how many questions at most; default: all there are")
    chat: bool = Field(
        default=False, description="ask in a user turn of the model's chat template, as models that talk are used"
    )

    @property
    def label(self) -> str:
        """What reports call it: its name, or its kind."""
        return self.name or self.kind

    @property
    def scored_by(self) -> str:
        """The scorer that the config names, or the task's own."""
        return self.scorer or self.default_scorer

    @property
    def in_chat(self) -> bool:
        """Whether its rows are asked in a chat; a task that never is, whatever the config says, overrides this."""
        return self.chat


class Task(Protocol):
    """Made from its config, ``Task(config)``; light to make, and the same rows every time."""

    def rows(self, length: int | None, seed: int) -> Sequence[Row]:
        """The rows, those of one context one after another.

        ``length`` of each context in the model's tokens, None for tasks that are not sized; ``seed`` from 0 up.
        Raises ConfigError or UsageError where no such rows exist, in a sentence that a user can act on.
        """


class TokenizedTask(Protocol):
    """A task whose config is ``tokenized``: a `Task` that is given the model's tokenizer as well."""

    def rows(self, length: int | None, seed: int, tokenizer: Any) -> Sequence[Row]:
        """As `Task.rows`; ``tokenizer`` is transformers', of the model that will be asked."""
