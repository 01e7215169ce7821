"""`Failure`: why a cell is not complete."""

from __future__ import annotations

from typing import Any

import attrs
from attrs import frozen

__all__ = ["Failure"]


@frozen
class Failure:
    """What ``failure.json`` holds."""

    error: str
    """The class of what was raised, or ``SampleTimeout``, ``CellTimeout``, ``WorkerLost``."""
    message: str
    sample: int | None = None
    """At which sample, if it was one."""

    @classmethod
    def of(cls, error: BaseException, sample: int | None = None) -> Failure:
        """What was raised, in one line."""
        return cls(type(error).__name__, " ".join(str(error).split()), sample)

    def __str__(self) -> str:
        at = "" if self.sample is None else f"sample {self.sample}: "
        return f"{at}{self.error}: {self.message}" if self.message else f"{at}{self.error}"

    def to_dict(self) -> dict[str, Any]:
        """As JSON values."""
        return attrs.asdict(self)
