"""The lists of maskers that are measured, at a context length and a density."""

from __future__ import annotations

import math
from typing import Any, Final

import attrs

from .calibrations import Calibrations

__all__ = ["DENSITY", "SINK", "Chain", "fixed_budget", "quest", "samplers", "selectors", "window"]

DENSITY: Final = 0.02
SINK: Final = 4
LOCAL: Final = 64
PAGE: Final = 16

Maskers = tuple[dict[str, Any], ...]
_SMALL: Final[Maskers] = ({"kind": "sink", "size": SINK}, {"kind": "local", "window": LOCAL})


@attrs.frozen
class Chain:
    """A list of maskers with a name."""

    name: str
    maskers: Maskers

    @property
    def config(self) -> dict[str, Any]:
        """As the ``attention`` section of a run config."""
        return {"kind": "efficient", "maskers": [dict(masker) for masker in self.maskers]}


def window(size: int = 128, local: int = 128) -> Chain:
    """Sink and window alone."""
    return Chain("sink + local", ({"kind": "sink", "size": size}, {"kind": "local", "window": local}))


def selectors(context: int, calibrations: Calibrations, *, shared: bool, density: float = DENSITY) -> tuple[Chain, ...]:
    """Each selector after a small sink and window, with the rest of the density's keys as its budget.

    ``shared``: one selection for the query heads of a KV head, or one for each.
    """
    budget = max(1, math.ceil(density * context) - SINK - LOCAL)
    chosen = {"budget": budget, "share_kv_group": shared}
    suffix = "shared" if shared else "per head"
    methods: Maskers = (
        {"kind": "quest", "page_size": PAGE, **chosen},
        {"kind": "pqcache", **chosen},
        {"kind": "hashattention", "weights": calibrations.weights, **chosen},
        {"kind": "double_sparsity", "channels": calibrations.channels, **chosen},
    )
    return tuple(Chain(f"{method['kind']}, {suffix}", (*_SMALL, method)) for method in methods)


def quest(context: int, density: float = DENSITY) -> Chain:
    """Quest alone of the selectors, shared in the KV group."""
    return selectors(context, Calibrations("none", "none"), shared=True, density=density)[0]


def fixed_budget(calibrations: Calibrations, budget: int = 512) -> tuple[Chain, ...]:
    """Chains that take the same number of keys from any context: sink 128, local 128 and ``budget``, shared."""
    wide = window().maskers
    return tuple(
        Chain(chain.name, (*wide, {**chain.maskers[-1], "budget": budget}))
        for chain in selectors(0, calibrations, shared=True)
    )


def samplers(context: int) -> tuple[Chain, ...]:
    """Sampling methods, at their defaults first; what they take depends on the keys."""
    head = {"kind": "pqcache", "budget": max(1, math.ceil(DENSITY * context))}
    vattention = {"kind": "vattention", "share_kv_group": True}
    low = {"base_rate": 0.01, "epsilon": 0.1, "delta": 0.1}
    return (
        Chain("magicpig", (*_SMALL, {"kind": "magicpig"})),
        Chain("magicpig, 8 bits 60 tables", (*_SMALL, {"kind": "magicpig", "bits": 8, "tables": 60})),
        Chain("pqcache + vattention, shared", (*_SMALL, head, vattention)),
        Chain("pqcache + vattention, shared, low", (*_SMALL, head, {**vattention, **low})),
        Chain("pqcache + vattention, per head", (*_SMALL, head, {**vattention, **low, "share_kv_group": False})),
        Chain("vattention, shared", (*_SMALL, vattention)),
        Chain("random, shared", (*_SMALL, {"kind": "random", "rate": DENSITY, "share_kv_group": True})),
        Chain("random, per head", (*_SMALL, {"kind": "random", "rate": DENSITY})),
    )
