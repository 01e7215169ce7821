"""The device on which a model takes tokens: put them there, and wait for what it still has to do."""

from __future__ import annotations

import time
from typing import Any

import torch
from torch import Tensor

__all__ = ["as_input", "clock"]


def as_input(model: Any, tokens: list[int]) -> Tensor:
    """Token ids as a batch of one row, int64 (1, n)."""
    return torch.tensor([tokens], device=_device(model))


def clock(model: Any) -> float:
    """Seconds of a clock that waits for what the accelerator still has to do."""
    device = _device(model)
    if device.type != "cpu":
        torch.accelerator.synchronize(device)
    return time.perf_counter()


def _device(model: Any) -> torch.device:
    device: torch.device = model.get_input_embeddings().weight.device
    return device
