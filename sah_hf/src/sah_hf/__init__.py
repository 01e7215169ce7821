"""Sparse Attention Hub inside Hugging Face models.

Importing this package imports neither torch nor transformers; what needs them is loaded on first use.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

from sah_core.plugins import hookimpl

if TYPE_CHECKING:
    import typer

    from .adapter import ModelAdapterHF
    from .contexts.read_context import ReadContext
    from .errors import (
        GenerationError,
        NotSparseError,
        OutOfMemoryError,
        RequestError,
        SavedContextError,
        UnknownModelError,
        UnsupportedModelError,
    )
    from .kept.kept_context import KeptContext
    from .model_adapter import ModelAdapter
    from .reports.report import AnswerReport, LayerReport, MaskerReport, RequestReport
    from .requests.request import Request, RequestResponse

SAH_API_VERSION = 1

_LAZY = {
    "AnswerReport": "reports.report",
    "GenerationError": "errors",
    "KeptContext": "kept.kept_context",
    "LayerReport": "reports.report",
    "MaskerReport": "reports.report",
    "ModelAdapter": "model_adapter",
    "ModelAdapterHF": "adapter",
    "NotSparseError": "errors",
    "OutOfMemoryError": "errors",
    "ReadContext": "contexts.read_context",
    "Request": "requests.request",
    "RequestError": "errors",
    "RequestReport": "reports.report",
    "RequestResponse": "requests.request",
    "SavedContextError": "errors",
    "UnknownModelError": "errors",
    "UnsupportedModelError": "errors",
}

__all__ = [
    "SAH_API_VERSION",
    "AnswerReport",
    "GenerationError",
    "KeptContext",
    "LayerReport",
    "MaskerReport",
    "ModelAdapter",
    "ModelAdapterHF",
    "NotSparseError",
    "OutOfMemoryError",
    "ReadContext",
    "Request",
    "RequestError",
    "RequestReport",
    "RequestResponse",
    "SavedContextError",
    "UnknownModelError",
    "UnsupportedModelError",
    "sah_register_commands",
]


@hookimpl
def sah_register_commands(app: typer.Typer) -> None:
    """Add `sah run`, `sah estimate` and `sah calibrate`."""
    from .cli.commands import add_commands

    add_commands(app)


def __getattr__(name: str) -> Any:
    if name not in _LAZY:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    value = getattr(import_module(f"{__name__}.{_LAZY[name]}"), name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
