"""The config of InfiniteBench; light."""

from __future__ import annotations

from typing import Literal

from pydantic import Field

from sah_tasks_longcontext.set_config import SetConfig

__all__ = ["InfiniteBenchConfig", "InfiniteBenchTask"]

InfiniteBenchTask = Literal[
    "passkey",
    "number_string",
    "kv_retrieval",
    "longdialogue_qa_eng",
    "longbook_sum_eng",
    "longbook_choice_eng",
    "longbook_qa_eng",
    "longbook_qa_chn",
    "math_find",
    "math_calc",
    "code_run",
    "code_debug",
]


class InfiniteBenchConfig(SetConfig):
    """InfiniteBench (Zhang et al. 2024): retrieval, books, dialogues, code and numbers, beyond 100,000 tokens."""

    kind: Literal["infinitebench"] = "infinitebench"
    task: InfiniteBenchTask = Field(description="which of its twelve tasks, by the name of its file")

    @property
    def label(self) -> str:
        """Its name, or the set's and the task's."""
        return self.name or f"{self.kind} {self.task}"

    @property
    def scored_by(self) -> str:
        """The scorer that the config names, or the task's published one, which has its name."""
        return self.scorer or f"{self.kind}_{self.task}"
