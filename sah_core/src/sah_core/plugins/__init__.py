"""Plugins: the hooks a package may implement, and the registry of what the installed packages offer."""

from __future__ import annotations

from .hookspecs import (
    API_VERSION,
    RegisterCalibrator,
    RegisterMasker,
    RegisterModel,
    RegisterNamed,
    RegisterTask,
    hookimpl,
)
from .offers import Offers
from .record import CalibratorOffer, PluginRecord
from .registry import Registry, default_registry

__all__ = [
    "API_VERSION",
    "CalibratorOffer",
    "Offers",
    "PluginRecord",
    "RegisterCalibrator",
    "RegisterMasker",
    "RegisterModel",
    "RegisterNamed",
    "RegisterTask",
    "Registry",
    "default_registry",
    "hookimpl",
]
