"""The config of ZeroSCROLLS; light."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final, Literal

from pydantic import Field

from sah_tasks_longcontext.set_config import SetConfig

__all__ = ["ZeroScrollsConfig", "ZeroScrollsTask"]

ZeroScrollsTask = Literal[
    "gov_report",
    "summ_screen_fd",
    "qmsum",
    "squality",
    "qasper",
    "narrative_qa",
    "quality",
    "musique",
    "space_digest",
    "book_sum_sort",
]

_SCORERS: Final[Mapping[ZeroScrollsTask, str]] = {
    "gov_report": "zeroscrolls_rouge",
    "summ_screen_fd": "zeroscrolls_rouge",
    "qmsum": "zeroscrolls_rouge",
    "squality": "zeroscrolls_rouge",
    "qasper": "zeroscrolls_f1",
    "narrative_qa": "zeroscrolls_f1",
    "quality": "zeroscrolls_accuracy",
    "musique": "zeroscrolls_f1",
    "space_digest": "zeroscrolls_exponential_similarity",
    "book_sum_sort": "zeroscrolls_concordance",
}


class ZeroScrollsConfig(SetConfig):
    """ZeroSCROLLS (Shaham et al. 2023): summaries, questions and aggregation over long texts."""

    kind: Literal["zeroscrolls"] = "zeroscrolls"
    task: ZeroScrollsTask = Field(description="which of its ten tasks")
    split: Literal["validation", "test"] = Field(
        default="validation", description="some 20 samples with answers, or up to 500 whose answers are not published"
    )

    @property
    def label(self) -> str:
        """Its name, or the set's and the task's."""
        return self.name or f"{self.kind} {self.task}"

    @property
    def scored_by(self) -> str:
        """The scorer that the config names, or the task's published one."""
        return self.scorer or _SCORERS[self.task]
