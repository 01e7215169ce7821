"""The configs of the tasks that come with this package; light."""

from __future__ import annotations

from typing import ClassVar, Literal

from pydantic import Field

from .task import TaskConfig

__all__ = ["FILE_ENDINGS", "FileConfig", "NeedleConfig"]

FILE_ENDINGS = (".jsonl", ".json", ".csv", ".parquet")
"""Of the files that `FileConfig` reads."""


class NeedleConfig(TaskConfig):
    """Records hidden in filler, from the embedded model's generator (sah-model-needle).

    ``retrieval``: a key has one record; ``vote``: 16 to 32, and the answer is the most frequent value.
    """

    sized: ClassVar[bool] = True
    seeded: ClassVar[bool] = True

    kind: Literal["needle"] = "needle"
    variant: Literal["retrieval", "vote"] = Field(default="retrieval", description="one record a key, or many")
    spacing: int | None = Field(
        default=None, ge=1, description="one record for every so many tokens; default: 24, and 8 for a vote"
    )
    questions: int = Field(default=8, ge=1, description="asked of each context")
    samples: int | None = Field(default=64, ge=1, description="how many questions in all")

    @property
    def label(self) -> str:
        """Its name, or the variant."""
        return self.name or f"{self.kind} {self.variant}"


class FileConfig(TaskConfig):
    """A table of one's own: JSON lines, JSON, CSV or Parquet with the five columns."""

    kind: Literal["file"] = "file"
    path: str = Field(min_length=1, description="a file that ends in .jsonl, .json, .csv or .parquet")

    @property
    def label(self) -> str:
        """Its name, or the file's."""
        return self.name or self.path.replace("\\", "/").rpartition("/")[2]
