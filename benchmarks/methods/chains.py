"""The maskers of each method at a density: a small sink and window, and the method with the rest of the budget."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any, Final

import attrs

__all__ = ["DENSITIES", "LOCAL", "SINK", "MethodAt", "methods"]

SINK: Final = 2
LOCAL: Final = 8
"""Small enough to leave room at 2 % of 1024 keys, where a row has 20."""

DENSITIES: Final = (0.02, 0.05, 0.1, 0.2)

Maskers = tuple[dict[str, Any], ...]
_WINDOW: Final[Maskers] = ({"kind": "sink", "size": SINK}, {"kind": "local", "window": LOCAL})


@attrs.frozen
class MethodAt:
    """A method that is to attend to about a share of the keys.

    ``maskers(setting)`` is the chain; where ``settings`` holds more than one, the one whose measured density comes
    nearest is looked for: they are in order of growing density.
    """

    name: str
    maskers: Callable[[float], Maskers]
    settings: tuple[float, ...] = (0.0,)


def _rest(density: float, length: int) -> int:
    """Keys left for the method after sink and window."""
    return max(1, math.ceil(density * length) - SINK - LOCAL)


def _window_only(density: float, length: int) -> MethodAt:
    window = math.ceil(density * length) - SINK
    return MethodAt("sink + local", lambda _: (_WINDOW[0], {"kind": "local", "window": window}))


def _budget(name: str, **fields: Any) -> Callable[[float, int], MethodAt]:
    def at(density: float, length: int) -> MethodAt:
        masker = {**fields, "budget": _rest(density, length)}
        return MethodAt(name, lambda _: (*_WINDOW, masker))

    return at


def _random(density: float, length: int) -> MethodAt:
    rate = round(_rest(density, length) / (length - SINK - LOCAL), 4)
    return MethodAt("random", lambda _: (*_WINDOW, {"kind": "random", "rate": rate}))


def _magicpig(density: float, length: int) -> MethodAt:
    tables = tuple(float(n) for n in sorted({round(2 * 1.12**step) for step in range(48)}))
    return MethodAt(
        "magicpig", lambda setting: (*_WINDOW, {"kind": "magicpig", "bits": 8, "tables": int(setting)}), tables
    )


def _vattention(density: float, length: int) -> MethodAt:
    """Half of the rest for the head, a tenth of it for the base sample, and as large an error as leaves the density."""
    rest = _rest(density, length)
    head = {"kind": "pqcache", "budget": max(1, rest // 2)}
    base = round(max(2.0, rest / 10) / length, 5)
    epsilons = tuple(round(0.98 * 0.85**step, 4) for step in range(40))
    return MethodAt(
        "pqcache + vattention",
        lambda setting: (
            *_WINDOW,
            head,
            {"kind": "vattention", "epsilon": setting, "delta": 0.2, "base_rate": base},
        ),
        epsilons,
    )


def methods(channels: str, weights: str) -> tuple[Callable[[float, int], MethodAt], ...]:
    """All of them, at a density and a context length; given the folders of the two calibrations."""
    return (
        _budget("oracle_top_k", kind="oracle_top_k"),
        _window_only,
        _random,
        _vattention,
        _magicpig,
        _budget("quest", kind="quest"),
        _budget("double_sparsity, online", kind="double_sparsity"),
        _budget("double_sparsity, calibrated", kind="double_sparsity", channels=channels),
        _budget("hashattention", kind="hashattention", weights=weights),
        _budget("pqcache", kind="pqcache"),
    )
