"""`SwitchedName`: the name of our attention in a config that is switched, which knows what it stands in for."""

from __future__ import annotations

from typing import Any

__all__ = ["IMPLEMENTATION", "SwitchedName"]

IMPLEMENTATION = "sah_sparse"
"""The name under which our attention and mask functions are registered with transformers."""


class SwitchedName(str):
    """`IMPLEMENTATION`, with the ``original`` name for whoever asks.

    A copy of a model belongs to nobody who could switch it back: copied deeply or pickled, this is the original again.
    """

    original: str | None

    def __new__(cls, original: str | None) -> SwitchedName:
        """In place of a name; in place of a switched one, of what that stands in for."""
        name = super().__new__(cls, IMPLEMENTATION)
        name.original = original.original if isinstance(original, SwitchedName) else original
        return name

    def __deepcopy__(self, memo: dict[int, Any]) -> str | None:
        return self.original

    def __reduce__(self) -> tuple[Any, ...]:
        return (type(None), ()) if self.original is None else (str, (self.original,))
