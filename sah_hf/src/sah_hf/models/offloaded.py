"""Weights that accelerate keeps elsewhere, on disk or in another memory, and fetches when their module is called.

Until then they are on the device ``meta``, without values. What knows better is a hook on the module.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import torch
from torch import Tensor, nn

from sah_hf.errors import UnsupportedModelError

__all__ = ["computes_on", "weight_values"]


def computes_on(module: Any) -> torch.device:
    """The device on which a module with a weight computes."""
    device: torch.device = module.weight.device
    if device.type == "meta":
        for hook in _hooks(module):
            if getattr(hook, "execution_device", None) is not None:
                return torch.device(hook.execution_device)
    return device


def weight_values(model: nn.Module, name: str, parameter: Tensor) -> Tensor:
    """A parameter's values, wherever they are; UnsupportedModelError where they are nowhere."""
    if parameter.device.type != "meta":
        return parameter.detach()
    owner, _, own = name.rpartition(".")
    for hook in _hooks(model.get_submodule(owner)):
        kept = getattr(hook, "weights_map", None)
        if kept is not None:
            values: Tensor = kept[own]
            return values
    raise UnsupportedModelError(
        f"the weight {name} of {type(model).__name__} is on the device meta, which holds no values: load it"
    )


def _hooks(module: nn.Module) -> Iterator[Any]:
    hook = vars(module).get("_hf_hook")
    if hook is not None:
        yield from getattr(hook, "hooks", (hook,))  # accelerate puts several into one
