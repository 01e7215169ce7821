"""The embedded model of Sparse Attention Hub, its task, its training and `sah demo`. Light: imports no torch."""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

from sah_core.plugins import RegisterModel, hookimpl

if TYPE_CHECKING:
    import typer

    from .tasks import NeedleSample, NeedleTask

SAH_API_VERSION = 1

__all__ = ["SAH_API_VERSION", "NeedleSample", "NeedleTask", "sah_register_commands", "sah_register_models"]


@hookimpl
def sah_register_models(register: RegisterModel) -> None:
    """Offer the model `needle`."""
    register(
        "needle",
        "sah_model_needle.checkpoint:directory",
        description="a 0.9 M parameter Llama that finds records in contexts of up to 8192 tokens",
    )


@hookimpl
def sah_register_commands(app: typer.Typer) -> None:
    """Add `sah demo` and `sah needle-text`."""
    from .commands import demo
    from .text_command import needle_text

    app.command()(demo)
    app.command()(needle_text)


def __getattr__(name: str) -> Any:
    if name not in ("NeedleSample", "NeedleTask"):
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    value = getattr(import_module(f"{__name__}.tasks"), name)  # numpy is loaded on first use
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
