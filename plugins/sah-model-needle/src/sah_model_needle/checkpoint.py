"""Where the embedded model lies: in this package, so that it is found without a network."""

from __future__ import annotations

from pathlib import Path

__all__ = ["directory"]


def directory() -> str:
    """The Hugging Face directory of the needle model: config, weights and tokenizer."""
    return str(Path(__file__).parent / "model")
