"""Is a masker right? The rules that every masker keeps, ways to run them, and Hypothesis strategies to test with.

`check_masker` checks one masker and reports; `masker_checks` makes a pytest test of every rule. Each rule is also a
function of a masker, inputs and a mask, in `sah_core.testing.rules`.
Needs the ``testing`` extra: ``pip install "sah-core[testing]"``.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from .examples import Example
    from .kinds import configs_of
    from .pytest_checks import masker_checks
    from .report import MaskerReport, RuleResult, check_masker
    from .rules import RULES, Rule
    from .strategies import attention_inputs, mask_shapes, masks

_LAZY = {
    "RULES": "rules",
    "Example": "examples",
    "MaskerReport": "report",
    "Rule": "rules",
    "RuleResult": "report",
    "attention_inputs": "strategies",
    "check_masker": "report",
    "configs_of": "kinds",
    "mask_shapes": "strategies",
    "masker_checks": "pytest_checks",
    "masks": "strategies",
}

__all__ = [
    "RULES",
    "Example",
    "MaskerReport",
    "Rule",
    "RuleResult",
    "attention_inputs",
    "check_masker",
    "configs_of",
    "mask_shapes",
    "masker_checks",
    "masks",
]


def __getattr__(name: str) -> Any:
    # pytest loads a module of this package at every start: what needs torch waits until it is asked for.
    if name not in _LAZY:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    value = getattr(import_module(f"{__name__}.{_LAZY[name]}"), name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
