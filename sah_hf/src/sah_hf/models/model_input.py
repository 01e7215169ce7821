"""The device on which a model takes tokens, and which it knows: check, put them there, wait for what it still does."""

from __future__ import annotations

import time
from typing import Any

import torch
from torch import Tensor

from sah_core import UsageError
from sah_hf.errors import RequestError, UnsupportedModelError

from .offloaded import computes_on

__all__ = ["as_input", "check_beside", "check_known", "check_loaded", "clock"]


def as_input(model: Any, tokens: list[int]) -> Tensor:
    """Token ids as a batch of one row, int64 (1, n)."""
    return torch.tensor([tokens], device=_device(model))


def check_loaded(model: Any) -> None:
    """Raise UnsupportedModelError where weights are on the device ``meta`` and nothing fetches them when needed."""
    if any("_hf_hook" in vars(module) for module in model.modules()):
        return  # accelerate does
    absent = [name for name, weight in model.named_parameters() if weight.device.type == "meta"]
    if absent:
        raise UnsupportedModelError(
            f"{len(absent)} weights of {type(model).__name__} are on the device meta, which holds no values, the first "
            f"of them {absent[0]}: load them, with from_pretrained or to_empty and load_state_dict"
        )


def check_beside(model: Any, tokens: Any) -> None:
    """Raise UsageError where the token ids that a forward is given are on another device than the model's embedding."""
    place = _device(model)
    if isinstance(tokens, Tensor) and tokens.device != place and "_hf_hook" not in vars(model):
        raise UsageError(
            f"the tokens are on the device {tokens.device}, and {type(model).__name__} takes them on {place}: "
            "move them with .to(model.device)"
        )


def check_known(model: Any, tokens: list[int]) -> None:
    """Raise RequestError where the model has no embedding for a token id."""
    known = int(model.get_input_embeddings().weight.shape[0])
    highest = max(tokens)
    if highest >= known:
        raise RequestError(
            f"the tokenizer gives the token id {highest}, and {type(model).__name__} knows 0 to {known - 1}: use the "
            "tokenizer that the model was trained with, or resize the model's embeddings"
        )


def clock(model: Any) -> float:
    """Seconds of a clock that waits for what the accelerator still has to do."""
    device = _device(model)
    if device.type != "cpu":
        torch.accelerator.synchronize(device)
    return time.perf_counter()


def _device(model: Any) -> torch.device:
    return computes_on(model.get_input_embeddings())
