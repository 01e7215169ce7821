"""A list in a config that has to name something."""

from __future__ import annotations

from typing import TypeVar

from pydantic import AfterValidator

from sah_core.config.wording import custom_error

__all__ = ["NOT_EMPTY"]

Value = TypeVar("Value")


def _not_empty(value: tuple[Value, ...]) -> tuple[Value, ...]:
    if not value:
        raise custom_error("empty", "at least one is needed")
    return value


NOT_EMPTY = AfterValidator(_not_empty)
"""After its items are checked, so that a bad item is not told twice; put it in ``Annotated[tuple[...], NOT_EMPTY]``."""
