"""`WeightsSample`: whether a model's weights are still what they were, by a few values of each, in one process."""

from __future__ import annotations

from typing import Any

import torch
from attrs import frozen
from torch import Tensor

__all__ = ["WeightsSample"]

_VALUES = 4  # of each weight: training, or merging what was trained beside it, changes nearly all of them


@frozen(eq=False)
class WeightsSample:
    """Values of all weights, by dtype and device: casting and moving a model changes it too.

    Unlike `model_fingerprint` it is for one process, and cheap enough for every request.
    """

    values: dict[tuple[torch.dtype, torch.device], Tensor]

    @classmethod
    def of(cls, model: Any) -> WeightsSample:
        """Look at a model's weights; those that accelerate holds elsewhere until they are needed have none."""
        found: dict[tuple[torch.dtype, torch.device], list[Tensor]] = {}
        for weight in model.parameters():
            flat = weight.detach().reshape(-1)
            values = flat[:: max(1, flat.numel() // _VALUES)][:_VALUES]
            found.setdefault((weight.dtype, weight.device), []).append(values)
        return cls({place: torch.cat(values) for place, values in found.items()})

    def agrees(self, other: WeightsSample) -> bool:
        """Whether both are of the same weights."""
        if self.values.keys() != other.values.keys():
            return False
        pairs = ((values, other.values[place]) for place, values in self.values.items())
        return all(mine.shape == theirs.shape and (mine.is_meta or torch.equal(mine, theirs)) for mine, theirs in pairs)
