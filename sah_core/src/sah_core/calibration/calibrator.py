"""`Calibrator`: learns from a model's attention on text what a masker's config then refers to by path."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping
from typing import Generic, TypeVar

from torch import Tensor

from sah_core.inputs import AttentionInputs
from sah_core.masker_config import MaskerConfig

from .settings import CalibrationSettings

__all__ = ["Calibrator"]

ConfigT = TypeVar("ConfigT", bound=MaskerConfig)
SettingsT = TypeVar("SettingsT", bound=CalibrationSettings)


class Calibrator(ABC, Generic[ConfigT, SettingsT]):
    """Learns what one masker needs to know of a model, from the attention calls that the model makes on text.

    The model reads the text in blocks, densely. `observe` is given each layer's call on each block, block by block,
    with batch 1 and one query for every key. Nothing is learned in any other way, so `state` after n blocks, given to
    `restore` of a new calibrator, continues as if nothing had happened.
    """

    def __init__(self, config: ConfigT, settings: SettingsT) -> None:
        self.config = config
        self.settings = settings

    @abstractmethod
    def observe(self, inputs: AttentionInputs) -> None:
        """Learn from one layer's call, ``inputs.layer_idx``, on one block.

        Raises CalibrationError for inputs that the config does not fit, such as a head dimension.
        """

    @abstractmethod
    def result(self) -> dict[str, dict[int, Tensor]]:
        """What was learned: for each name of a tensor, one for every layer observed."""

    @abstractmethod
    def state(self) -> dict[str, Tensor]:
        """All that it takes to go on later; on the CPU, each tensor in memory of its own."""

    @abstractmethod
    def restore(self, state: Mapping[str, Tensor]) -> None:
        """Go on from what `state` gave, instead of from the beginning."""

    def measures(self) -> dict[str, float]:
        """How well it goes, for people to read: a loss, a recall; empty where there is nothing to say."""
        return {}
