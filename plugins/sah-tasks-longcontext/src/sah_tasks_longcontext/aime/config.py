"""The config of AIME; light."""

from __future__ import annotations

from typing import ClassVar, Literal

from pydantic import Field

from sah_tasks_longcontext.set_config import SetConfig

__all__ = ["AIMEConfig"]


class AIMEConfig(SetConfig):
    """AIME I and II of a year: 30 problems whose answers are whole numbers from 0 to 999."""

    default_scorer: ClassVar[str] = "boxed_answer"

    kind: Literal["aime"] = "aime"
    year: Literal[2024, 2025] = Field(description="of the examination: 2024 or 2025")
    max_new_tokens: int = Field(default=32768, ge=1, description="how long a solution may be, reasoning included")

    @property
    def label(self) -> str:
        """Its name, or kind and year."""
        return self.name or f"{self.kind} {self.year}"
