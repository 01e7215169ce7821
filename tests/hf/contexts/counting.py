"""Quest that counts how often the index of a layer is fitted, and adapters that attend with it."""

from __future__ import annotations

from typing import Any

from torch import Tensor

from sah_core import AttentionInputs, ResearchAttention, create_masker
from sah_hf import ModelAdapterHF
from sah_masker_quest import QuestConfig
from sah_masker_quest.boxes import Boxes
from sah_masker_quest.masker import Quest

CONTEXT = "A mole lives at 7 Elm Row. " * 4  # 109 tokens with <bos>: far past the sliding window
QUESTIONS = ["Who?", "Where is it, exactly, that it lives?", "At 7?", "Who?", "A mole or a vole?"]
NARROW: list[dict[str, Any]] = [{"kind": "sink", "size": 2}, {"kind": "local", "window": 3}]
QUEST = {"kind": "quest", "page_size": 4, "budget": 8}


class CountedBoxes(Boxes):
    """Boxes that write down the lengths they were fitted on."""

    def __init__(self, page_size: int, padding: Tensor, fits: list[int]) -> None:
        super().__init__(page_size, padding)
        self.fits = fits

    def fit(self, keys: Tensor) -> None:
        self.fits.append(keys.shape[2])
        super().fit(keys)


class UnsavedBoxes(CountedBoxes):
    """Boxes of a masker that does not know of saving."""

    saved = ()


class CountedQuest(Quest):
    """Quest with such boxes; ``fits`` of all layers together."""

    def __init__(self, boxes: type[CountedBoxes]) -> None:
        super().__init__(QuestConfig.model_validate(QUEST))
        self.boxes = boxes
        self.fits: list[int] = []

    def create_index(self, inputs: AttentionInputs) -> Boxes:
        return self.boxes(self.config.page_size, inputs.padding_columns, self.fits)


def count_fits(adapter: ModelAdapterHF, *, saves: bool = True) -> list[int]:
    """Let an adapter of NARROW and QUEST count: the lengths that indexes are fitted on from now on."""
    masker = CountedQuest(CountedBoxes if saves else UnsavedBoxes)
    adapter.attention = ResearchAttention([*(create_masker(each) for each in NARROW), masker])
    return masker.fits
