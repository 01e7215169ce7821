"""Broken: the class of its masker is not where it says."""

from __future__ import annotations

from typing import Literal

from sah_core import MaskerConfig, hookimpl
from sah_core.plugins import RegisterMasker

SAH_API_VERSION = 1


class ClasslessConfig(MaskerConfig):
    """A config without a masker."""

    kind: Literal["classless"] = "classless"


@hookimpl
def sah_register_maskers(register: RegisterMasker) -> None:
    """Offer a masker that does not exist."""
    register(ClasslessConfig, "sah_test_missing_class:Classless")
