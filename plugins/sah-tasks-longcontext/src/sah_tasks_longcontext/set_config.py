"""What the configs of all published sets share; light."""

from __future__ import annotations

from pydantic import Field

from sah_bench.tasks.task import TaskConfig

__all__ = ["SetConfig"]


class SetConfig(TaskConfig):
    """A published set of questions, read from files of one's own or fetched from the Hugging Face hub."""

    path: str | None = Field(
        default=None,
        min_length=1,
        description="the folder or file that holds the set; default: fetched from the Hugging Face hub",
    )
