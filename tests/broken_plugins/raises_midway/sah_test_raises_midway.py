"""Broken: registers one masker and raises before the second."""

from __future__ import annotations

from typing import Literal

from sah_core import MaskerConfig, hookimpl
from sah_core.plugins import RegisterMasker

SAH_API_VERSION = 1


class HalfConfig(MaskerConfig):
    """Registered, and left out all the same."""

    kind: Literal["half"] = "half"


@hookimpl
def sah_register_maskers(register: RegisterMasker) -> None:
    """Offer one masker, then fail."""
    register(HalfConfig, "sah_test_raises_midway:Half")
    raise ZeroDivisionError("in the middle")
