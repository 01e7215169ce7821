"""The ways to attend that `sah demo` compares."""

from __future__ import annotations

import math
from typing import Any

import attrs

__all__ = ["Method", "demo_methods", "sink_and_local"]

SINK = 4
"""Keys at the start that sink + local keeps; its window gets the rest of the budget."""


@attrs.frozen
class Method:
    """A name for people, and the maskers of the config's ``attention`` section; None is the model's own attention."""

    name: str
    maskers: tuple[dict[str, Any], ...] | None

    @property
    def attention(self) -> dict[str, Any] | None:
        """The config's ``attention`` section."""
        return None if self.maskers is None else {"maskers": list(self.maskers)}


def sink_and_local(density: float, length: int) -> Method:
    """Sink and local window that together keep this share of ``length`` keys."""
    window = max(1, math.ceil(density * length) - SINK)
    return Method(
        f"sink {SINK} + local {window}", ({"kind": "sink", "size": SINK}, {"kind": "local", "window": window})
    )


def demo_methods(length: int) -> tuple[Method, ...]:
    """Dense attention, and oracles and a window of which two have the same density; ``length`` of the context."""
    return (
        Method("dense", None),
        Method("oracle_top_k 10 %", ({"kind": "oracle_top_k", "budget": 0.1},)),
        sink_and_local(0.1, length),
        Method("oracle_top_k 2 %", ({"kind": "oracle_top_k", "budget": 0.02},)),
        Method("oracle_top_k 0.5 %", ({"kind": "oracle_top_k", "budget": 0.005},)),
        Method("oracle_top_p 0.9", ({"kind": "oracle_top_p", "mass": 0.9},)),
    )
