"""The leaderboard that is planned: 30 methods, 5 models, RULER's 13 tasks, 6 lengths."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

import attrs

from sah_core.config.load import parse_masker

from .costs import DENSE, Method

__all__ = ["ANSWERS", "LENGTHS", "METHODS", "QUESTION", "MethodCosts", "methods"]

LENGTHS: Final = tuple(2**n for n in range(12, 18))
QUESTION: Final = 64
"""Tokens of a question and what comes before its answer: assumed."""
ANSWERS: Final[Mapping[str, int]] = {
    **dict.fromkeys(
        (
            *(f"niah_single_{n}" for n in (1, 2, 3)),
            *(f"niah_multikey_{n}" for n in (1, 2, 3)),
            "niah_multivalue",
            "niah_multiquery",
        ),
        128,
    ),
    "vt": 30,
    "cwe": 120,
    "fwe": 50,
    "qa_1": 32,
    "qa_2": 32,
}
"""Tokens of an answer at most; all of them are counted."""

_DENSITIES: Final = (0.01, 0.02, 0.05, 0.1, 0.2)
_LEARNED: Final = "a calibration"
_MASKERS: Final[Mapping[str, Mapping[str, Any]]] = {
    "quest": {"share_kv_group": True},
    "pqcache": {},
    "hashattention": {"weights": _LEARNED, "share_kv_group": True},
    "double_sparsity": {"channels": _LEARNED, "share_kv_group": True},
    "magicpig": {},
}
METHODS: Final = ("dense", "sink + local", *_MASKERS)


@attrs.frozen
class MethodCosts:
    """Measured: `Method.layer` and `Method.key_flops`."""

    layer: float = 0.0
    key_flops: float = 0.0


def methods(measured: Mapping[str, MethodCosts]) -> tuple[Method, ...]:
    """Dense; a window at four densities; and five methods at five each, which MagicPIG is assumed to draw."""
    found = [DENSE]
    for name in METHODS[1:]:
        costs = measured.get(name, MethodCosts())
        masker = parse_masker({"kind": name, **_MASKERS[name]}) if name in _MASKERS else None
        densities = _DENSITIES if masker else _DENSITIES[1:]
        found += [Method(f"{name} {share:g}", share, masker, costs.key_flops, costs.layer) for share in densities]
    return tuple(found)
