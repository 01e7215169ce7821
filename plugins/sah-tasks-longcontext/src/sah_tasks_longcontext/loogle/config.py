"""The config of LooGLE; light."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final, Literal

from pydantic import Field

from sah_tasks_longcontext.set_config import SetConfig

__all__ = ["LoogleConfig", "LoogleTask"]

LoogleTask = Literal["shortdep_qa", "longdep_qa", "longdep_summarization", "shortdep_cloze"]

_SCORERS: Final[Mapping[LoogleTask, str]] = {
    "shortdep_qa": "loogle_rouge_l",
    "longdep_qa": "loogle_rouge_l",
    "longdep_summarization": "loogle_rouge_l",
    "shortdep_cloze": "loogle_cloze_exact",
}


class LoogleConfig(SetConfig):
    """LooGLE (Li et al. 2023): questions, clozes and summaries; all questions of a document share its reading."""

    kind: Literal["loogle"] = "loogle"
    task: LoogleTask = Field(description="which of its four tasks")

    @property
    def label(self) -> str:
        """Its name, or the set's and the task's."""
        return self.name or f"{self.kind} {self.task}"

    @property
    def scored_by(self) -> str:
        """The scorer that the config names, or the task's own."""
        return self.scorer or _SCORERS[self.task]
