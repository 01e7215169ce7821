"""The ways to attend that the demo and the model card compare."""

from __future__ import annotations

import json
import math
from collections.abc import Sequence
from typing import Any

import attrs

from sah_core import UsageError
from sah_core.config import parse_masker

__all__ = ["Method", "demo_methods", "methods_with", "oracle_top_k", "oracle_top_p", "sink_and_local"]

SINK = 4
"""Keys at the start that sink + local keeps; its window gets the rest of the budget."""

WINDOW = 16
"""The window before a masker of the user's choice: small, so that the masker is what answers."""

SHARES = (1, 5, 20)
"""What a masker's default budget is divided by, to try smaller ones."""


@attrs.frozen
class Method:
    """A name for people, and the maskers of the config's ``attention`` section; None is the model's own attention."""

    name: str
    maskers: tuple[dict[str, Any], ...] | None

    @property
    def attention(self) -> dict[str, Any] | None:
        """The config's ``attention`` section: the efficient backend, unless a masker needs the exact logits."""
        if self.maskers is None:
            return None
        exact = any(parse_masker(masker).needs_logits for masker in self.maskers)
        return {"kind": "research" if exact else "efficient", "maskers": list(self.maskers)}

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
    return _sink_and_window(max(1, math.ceil(density * length) - SINK))


def _sink_and_window(window: int) -> Method:
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


def methods_with(maskers: Sequence[str]) -> tuple[Method, ...]:
    """Dense attention, an oracle, a small sink and window, and those two followed by each of ``maskers``.

    A masker is a kind or a JSON object. Where it has a ``budget`` or a ``rate`` and none is given, it is tried with the
    default and with less. Raises ConfigError for what is no masker, and UsageError for what is not JSON.
    """
    before = _sink_and_window(WINDOW)
    chosen = [masker for text in maskers for masker in _maskers(text)]
    # A method's name is what it adds to the row of sink and window above it.
    added = [Method(f"+ {_name(masker)}", (*(before.maskers or ()), masker)) for masker in chosen]
    return Method("dense", None), oracle_top_k(0.1), before, *added


def _maskers(text: str) -> list[dict[str, Any]]:
    """The maskers to try for one ``--masker``: the fields that are given, and a size."""
    try:
        given = json.loads(text) if text.lstrip().startswith("{") else {"kind": text}
    except json.JSONDecodeError as error:
        raise UsageError(f"--masker should be a masker's name or a JSON object, not {text!r}: {error}") from error
    config = parse_masker(given)
    masker = config.model_dump(mode="json", exclude_unset=True)
    for size in ("budget", "rate"):
        if size in type(config).model_fields and size not in masker:
            return [{**masker, size: _part(getattr(config, size), share)} for share in SHARES]
    return [masker]


def _part(size: float, share: int) -> float:
    """A number of keys, or a fraction, divided by ``share``; of keys at least one."""
    return max(1, size // share) if isinstance(size, int) else float(f"{size / share:.3g}")


def _name(masker: dict[str, Any]) -> str:
    """The kind, its size, and every other field that is given."""
    words = [masker["kind"]]
    for field, value in masker.items():
        if field in ("budget", "rate"):
            words.insert(1, f"{100 * value:g} %" if isinstance(value, float) else f"{value} keys")
        elif field != "kind":
            words.append(f"{field} {json.dumps(value)}")
    return " ".join(words)
