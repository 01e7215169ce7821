"""What can go wrong between a config and a Hugging Face model: children of SahError, one sentence each."""

from __future__ import annotations

from typing import TYPE_CHECKING

from sah_core.errors import ConfigError, SahError, UsageError

if TYPE_CHECKING:
    from .requests.request import RequestResponse

__all__ = [
    "GenerationError",
    "NotSparseError",
    "OutOfMemoryError",
    "RequestError",
    "SavedContextError",
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


class SavedContextError(SahError):
    """A context cannot be saved, or what a folder holds is none that this model could go on with."""


class OutOfMemoryError(SahError):
    """The memory did not suffice for a context, a question or its answer; what was answered before stays."""


class NotSparseError(SahError):
    """A forward that should have been sparse was dense, in some of its layers or in all of them.

    ``response`` is what a request had answered by then, None where it was no request.
    """

    response: RequestResponse | None = None
