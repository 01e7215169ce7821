"""Scaffold: a masker package of one's own, written from templates."""

from __future__ import annotations

from .names import check_free
from .package import Family, NewMasker

__all__ = ["Family", "NewMasker", "check_free"]
