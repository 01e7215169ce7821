"""Make the model ``sah`` known to lm_eval, whose list of models is fixed, when lm_eval makes that list.

lm_eval fills its registry when ``lm_eval.models`` is imported, and imports that where the registry is empty: a name
that came earlier would keep all others out. So a finder waits for this one import, lets it happen, and adds the name.

The file ``sah_lm_eval.pth`` puts such a finder into every Python process that starts, so that the command ``lm_eval``
knows the model. Python runs one line of such a file; there the finder is spelled out, and imports this module when
lm_eval is imported: importing it at once would cost each process milliseconds.
"""

from __future__ import annotations

import logging
import sys
from collections.abc import Sequence
from importlib.machinery import ModuleSpec
from types import ModuleType
from typing import Any

__all__ = ["found_by_others", "register"]

NAME = "sah"
TARGET = "sah_lm_eval.model:SahLM"
AWAITED = "lm_eval.models"


def register() -> None:
    """Add the model to lm_eval's list, or wait for the list to be made."""
    if AWAITED in sys.modules:
        _add()
    elif not any(map(_waits, sys.meta_path)):
        sys.meta_path.insert(0, _Waiting())


def found_by_others(path: Sequence[str] | None, target: ModuleType | None) -> ModuleSpec | None:
    """What the other finders find for the awaited module; when it has been imported, nobody waits any more."""
    others = [finder for finder in sys.meta_path if not _waits(finder)]
    found = (finder.find_spec(AWAITED, path, target) for finder in others)
    spec = next((spec for spec in found if spec is not None), None)
    if spec is None or spec.loader is None:
        return spec
    execute = spec.loader.exec_module

    def exec_module(module: ModuleType) -> None:
        execute(module)
        sys.meta_path[:] = [finder for finder in sys.meta_path if not _waits(finder)]
        _add()

    spec.loader.exec_module = exec_module  # type: ignore[method-assign]  # of this one loader, which loads once
    return spec


class _Waiting:
    """What ``sah_lm_eval.pth`` spells out, for processes that came without it."""

    awaited = AWAITED

    def find_spec(
        self, name: str, path: Sequence[str] | None = None, target: ModuleType | None = None
    ) -> ModuleSpec | None:
        return found_by_others(path, target) if name == AWAITED else None


def _waits(finder: Any) -> bool:
    return getattr(finder, "awaited", None) == AWAITED


def _add() -> None:
    try:
        from lm_eval.api.registry import model_registry  # type: ignore[import-untyped]  # lm_eval publishes no types

        if NAME not in model_registry:
            model_registry.register(NAME, target=TARGET)
    except Exception as error:  # noqa: BLE001 - whatever it is, lm_eval's own models must go on working
        message = "sah-lm-eval could not add the model 'sah', which needs lm-eval 0.4.10 or newer: %s"
        logging.getLogger("lm_eval.models.sah").warning(message, error)
