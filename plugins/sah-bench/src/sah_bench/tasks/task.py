"""What a task is: a config, and an object that makes rows from it."""

from __future__ import annotations

from collections.abc import Sequence
from typing import ClassVar, Protocol

from pydantic import Field

from sah_core.config.wording import ConfigSection

from .row import Row

__all__ = ["Task", "TaskConfig"]


class TaskConfig(ConfigSection):
    """The parameters of one task; subclass it with a ``kind: Literal["name"] = "name"`` field and your own.

    * ``sized``: its contexts have a length, so the benchmark's ``lengths`` apply;
    * ``seeded``: its rows are drawn, so the benchmark's ``seeds`` draw other ones;
    * ``default_scorer``: scores its answers where the config names no scorer.
    """

    sized: ClassVar[bool] = False
    seeded: ClassVar[bool] = False
    default_scorer: ClassVar[str] = "exact"

    kind: str
    name: str | None = Field(default=None, min_length=1, description="what reports call it")
    scorer: str | None = Field(default=None, min_length=1, description="how answers are scored")
    samples: int | None = Field(default=None, ge=1, description="how many questions at most; default: all there are")

    @property
    def label(self) -> str:
        """What reports call it: its name, or its kind."""
        return self.name or self.kind

    @property
    def scored_by(self) -> str:
        """The scorer that the config names, or the task's own."""
        return self.scorer or self.default_scorer


class Task(Protocol):
    """Made from its config, ``Task(config)``; light to make, and the same rows every time."""

    def rows(self, length: int | None, seed: int) -> Sequence[Row]:
        """The rows, those of one context one after another.

        ``length`` of each context in the model's tokens, None for tasks that are not sized; ``seed`` from 0 up.
        Raises ConfigError or UsageError where no such rows exist, in a sentence that a user can act on.
        """
