"""Sparse attention in lm-evaluation-harness: ``lm_eval --model sah``.

Importing this makes the model known to lm_eval, now or when lm_eval is imported; it imports nothing of it itself.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from .registration import register

if TYPE_CHECKING:
    from .model import SahLM

__all__ = ["SahLM"]

register()


def __getattr__(name: str) -> Any:
    if name != "SahLM":
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    from .model import SahLM

    return SahLM
