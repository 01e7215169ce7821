"""Broken with its twin: both offer the masker ``twin``."""

from __future__ import annotations

from typing import Literal

from sah_core import MaskerConfig, hookimpl
from sah_core.plugins import RegisterMasker

SAH_API_VERSION = 1


class TwinConfig(MaskerConfig):
    """One of two maskers of this name."""

    kind: Literal["twin"] = "twin"


@hookimpl
def sah_register_maskers(register: RegisterMasker) -> None:
    """Offer the masker that the other offers too."""
    register(TwinConfig, "sah_test_twin_a:Twin")
