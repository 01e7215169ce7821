"""`Where`: what does the cells, as the command line says it. Light."""

from __future__ import annotations

from enum import StrEnum

__all__ = ["Where"]


class Where(StrEnum):
    """What does the cells."""

    local = "local"
    ray = "ray"
