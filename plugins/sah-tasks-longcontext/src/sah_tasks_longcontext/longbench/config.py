"""The config of LongBench; light."""

from __future__ import annotations

from typing import Literal, Self

from pydantic import Field, model_validator

from sah_tasks_longcontext.set_config import SetConfig

from .datasets import DATASETS, DatasetName

__all__ = ["LongBenchConfig"]


class LongBenchConfig(SetConfig):
    """LongBench and LongBench-E (Bai et al. 2023, arXiv:2308.14508), one of its datasets.

    LongBench-E holds 13 of the 21 datasets with lengths spread evenly over 0 to 4k, 4k to 8k and 8k words and more.
    """

    kind: Literal["longbench"] = "longbench"
    dataset: DatasetName = Field(description=f"one of {', '.join(DATASETS)}")
    extended: bool = Field(default=False, description="the dataset's part in LongBench-E")

    @property
    def label(self) -> str:
        """Its name, or set and dataset."""
        return self.name or f"{'longbench-e' if self.extended else 'longbench'} {self.dataset}"

    @property
    def scored_by(self) -> str:
        """The scorer that the config names, or the dataset's."""
        return self.scorer or DATASETS[self.dataset].scorer

    @property
    def in_chat(self) -> bool:
        """As the config says; never where the answer continues the text (few-shot and code), as the set's script."""
        return self.chat and not DATASETS[self.dataset].continues

    @model_validator(mode="after")
    def _check_extended(self) -> Self:
        if self.extended and not DATASETS[self.dataset].extended:
            has = ", ".join(name for name, dataset in DATASETS.items() if dataset.extended)
            raise ValueError(f"LongBench-E has no {self.dataset}, only {has}: leave extended out")
        return self
