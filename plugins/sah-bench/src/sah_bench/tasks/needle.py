"""`Needle`: rows from the embedded model's own generator of contexts with hidden records."""

from __future__ import annotations

from typing import Final

from sah_core.errors import ConfigError
from sah_model_needle.tasks import NeedleTask

from .configs import NeedleConfig
from .row import Row

__all__ = ["Needle"]

_SPACING: Final = {"retrieval": 24, "vote": 8}
"""What the model was trained on and is published with."""

_MAX_NEW_TOKENS: Final = 8
"""An answer has three words and ``<eos>``; a model that does not stop there is wrong, and needs no more room."""


class Needle:
    """Contexts of any length that the model takes, every seed other ones, with several questions about each."""

    def __init__(self, config: NeedleConfig) -> None:
        self.config = config

    def rows(self, length: int | None, seed: int) -> tuple[Row, ...]:
        """``samples`` questions, as many of one context as there are keys to ask for; see `Task`.

        Raises ConfigError without a length or a number of samples, UsageError where no such context exists.
        """
        config = self.config
        if length is None:
            raise ConfigError(f"task {config.label!r} needs the length of its contexts, such as lengths: [1024, 4096]")
        if config.samples is None:
            raise ConfigError(f"task {config.label!r} never runs out of questions: give samples, such as samples: 64")
        task = NeedleTask(config.variant, length, config.spacing or _SPACING[config.variant], config.questions)
        return tuple(
            Row(sample.context, question, (answer,), _MAX_NEW_TOKENS)
            for sample in task.samples(config.samples, seed)
            for question, answer in zip(sample.questions, sample.answers, strict=True)
        )
