"""The ways to attend that the demo and the model card compare."""

from __future__ import annotations

import math
from typing import Any

import attrs

__all__ = ["Method", "demo_methods", "oracle_top_k", "oracle_top_p", "sink_and_local"]

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

    @property
    def adaptive(self) -> bool:
        """Whether what it keeps depends on the attention, and not on a budget."""
        return any("mass" in masker for masker in self.maskers or ())


def oracle_top_k(budget: float) -> Method:
    """The keys with the largest exact logits, this share of all."""
    return Method(f"oracle_top_k {100 * budget:g} %", ({"kind": "oracle_top_k", "budget": budget},))


def oracle_top_p(mass: float) -> Method:
    """The fewest keys that hold this share of the attention."""
    return Method(f"oracle_top_p {mass:g}", ({"kind": "oracle_top_p", "mass": mass},))


def sink_and_local(density: float, length: int) -> Method:
    """Sink and local window that together keep this share of ``length`` keys."""
    window = max(1, math.ceil(density * length) - SINK)
    return Method(
        f"sink {SINK} + local {window}", ({"kind": "sink", "size": SINK}, {"kind": "local", "window": window})
    )


def demo_methods(length: int) -> tuple[Method, ...]:
    """Dense attention, an oracle and a window of the same density, and other oracles; ``length`` of the context."""
    return (
        Method("dense", None),
        oracle_top_k(0.1),
        sink_and_local(0.1, length),
        oracle_top_k(0.02),
        oracle_top_k(0.005),
        oracle_top_p(0.9),
    )
