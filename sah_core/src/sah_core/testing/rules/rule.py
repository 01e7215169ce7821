"""`Rule`: a check, what it says, and which maskers and inputs it is about."""

from __future__ import annotations

import inspect
from collections.abc import Callable

from attrs import frozen

from sah_core.composition import Masker
from sah_core.inputs import AttentionInputs
from sah_core.mask import Mask
from sah_core.masker_config import MaskerConfig

__all__ = ["Check", "Rule"]

Check = Callable[[Masker, AttentionInputs, Mask], None]
"""Raises AssertionError, saying what it found, where a masker breaks a rule on these inputs and previous mask."""


def _every_masker(config: MaskerConfig) -> bool:
    return True


@frozen
class Rule:
    """One rule of the kit.

    ``check`` can be called by itself on any tensors. ``applies`` says, from its config, whether a masker has to keep
    the rule. ``one_example``: it is checked on one given example, being statistical or costly, not on drawn ones.
    """

    check: Check
    applies: Callable[[MaskerConfig], bool] = _every_masker
    one_example: bool = False

    @property
    def name(self) -> str:
        """The check's name."""
        return self.check.__name__

    @property
    def statement(self) -> str:
        """The rule in a sentence or two: the check's docstring."""
        return inspect.cleandoc(self.check.__doc__ or "")
