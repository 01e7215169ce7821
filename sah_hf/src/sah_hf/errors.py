"""What can go wrong between a config and a Hugging Face model: children of SahError, one sentence each."""

from __future__ import annotations

from sah_core.errors import ConfigError, SahError, UsageError

__all__ = [
    "GenerationError",
    "NotSparseError",
    "NotSparseWarning",
    "RequestError",
    "UnknownModelError",
    "UnsupportedModelError",
]


class UnknownModelError(ConfigError):
    """No model of this name is embedded, in a local directory, or within reach on the hub."""


class UnsupportedModelError(SahError):
    """The model computes its attention in a way that sparse attention cannot take over."""


class GenerationError(ConfigError):
    """An option of ``generation`` is unknown, has an impossible value, or cannot go with sparse attention."""


class RequestError(UsageError):
    """A request, or the tokenizer it needs, is missing something or does not fit the model."""


class NotSparseError(SahError):
    """A request that should have been sparse made no sparse attention call at all."""


class NotSparseWarning(UserWarning):
    """A sparse mode ended in which the model ran and nothing was sparse."""
