"""End an answer where somebody says so of its tokens."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor
from transformers import StoppingCriteria, StoppingCriteriaList

__all__ = ["Stop", "stopping_where"]

Stop = Callable[[list[int]], bool]
"""Given an answer's tokens after each new one; True ends it there."""


def stopping_where(stop: Stop, prompt: int) -> StoppingCriteriaList:
    """What ``generate`` asks after each token; the first ``prompt`` tokens of a sequence are no answer."""
    return StoppingCriteriaList([_Stopping(stop, prompt)])


class _Stopping(StoppingCriteria):
    def __init__(self, stop: Stop, prompt: int) -> None:
        self._stop = stop
        self._prompt = prompt

    def __call__(self, input_ids: Tensor, scores: Any, **_: Any) -> Tensor:
        stops = [self._stop(row) for row in input_ids[:, self._prompt :].tolist()]
        return torch.tensor(stops, dtype=torch.bool, device=input_ids.device)
