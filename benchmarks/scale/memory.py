"""What a worker's device has to hold, and so how many read contexts it can keep for the next cells."""

from __future__ import annotations

from typing import Final

from .costs import Costs, Method
from .speeds import Device

__all__ = ["USABLE", "kept_contexts", "needed_bytes"]

USABLE: Final = 0.92
"""Of a device's memory: assumed, as the runtime and gaps between tensors take some."""


def needed_bytes(costs: Costs, methods: tuple[Method, ...], tokens: int, kept: int = 1) -> int:
    """With ``kept`` contexts of so many tokens in memory, at the worst moment.

    Either the next table's first context is read, before one of those is let go: its cache and what a forward holds
    on its way. Or a question is answered: its fork of the cache becomes a copy, layer by layer, and it has an index.
    """
    model, kv = costs.model, costs.model.kv_bytes(tokens)
    reading = kv + model.activation_bytes(tokens)
    answering = kv + kv // model.layers + max(costs.index_bytes(method, tokens) for method in methods)
    return model.weight_bytes + kept * kv + max(reading, answering)


def kept_contexts(costs: Costs, methods: tuple[Method, ...], device: Device, tokens: int) -> int:
    """How many contexts fit, beside what is needed in any case; 0 where not even one can be asked."""
    room = device.memory * USABLE - needed_bytes(costs, methods, tokens, kept=0)
    return max(0, int(room // costs.model.kv_bytes(tokens)))
