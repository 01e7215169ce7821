"""The config of LongBench v2; light."""

from __future__ import annotations

from typing import ClassVar, Literal

from pydantic import Field

from sah_tasks_longcontext.set_config import SetConfig

__all__ = ["LongBenchV2Config"]

Domain = Literal[
    "Single-Document QA",
    "Multi-Document QA",
    "Long In-context Learning",
    "Long-dialogue History Understanding",
    "Code Repository Understanding",
    "Long Structured Data Understanding",
]


class LongBenchV2Config(SetConfig):
    """LongBench v2 (Bai et al. 2024, arXiv:2412.15204): 503 questions with four choices each."""

    default_scorer: ClassVar[str] = "longbench_v2_choice"

    kind: Literal["longbench_v2"] = "longbench_v2"
    domain: Domain | None = Field(default=None, description="only this domain's questions; default: all")
    difficulty: Literal["easy", "hard"] | None = Field(default=None, description="only these questions; default: all")
    size: Literal["short", "medium", "long"] | None = Field(
        default=None, description="only contexts below 32k words, up to 128k, or longer; default: all"
    )

    @property
    def wanted(self) -> dict[str, str]:
        """What the set's columns have to say in the questions that are asked."""
        asked = {"domain": self.domain, "difficulty": self.difficulty, "length": self.size}
        return {column: value for column, value in asked.items() if value is not None}

    @property
    def label(self) -> str:
        """Its name, or its kind and which questions."""
        return self.name or " ".join([self.kind, *self.wanted.values()])
