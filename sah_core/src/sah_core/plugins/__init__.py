"""Plugins: the hooks a package may implement, and the registry of what the installed packages offer."""

from __future__ import annotations

from .hookspecs import API_VERSION, RegisterCalibrator, RegisterMasker, RegisterModel, hookimpl
from .record import CalibratorOffer, PluginRecord
from .registry import Registry, default_registry

__all__ = [
    "API_VERSION",
    "CalibratorOffer",
    "PluginRecord",
    "RegisterCalibrator",
    "RegisterMasker",
    "RegisterModel",
    "Registry",
    "default_registry",
    "hookimpl",
]
