"""Broken: registers something that is no config."""

from __future__ import annotations

from sah_core import hookimpl
from sah_core.plugins import RegisterMasker

SAH_API_VERSION = 1


@hookimpl
def sah_register_maskers(register: RegisterMasker) -> None:
    """Offer a class that is not a MaskerConfig."""
    register(dict, "sah_test_bad_register:Masker")  # type: ignore[arg-type]  # the mistake that this plugin is for
