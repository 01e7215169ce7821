"""The versions that answers came from."""

from __future__ import annotations

from collections.abc import Mapping

from .results import Results

__all__ = ["versions"]


def versions(results: Results) -> dict[str, str]:
    """Of each package by its name, in the order in which cells name them; several ones as ``1.0 and 1.1``."""
    found: dict[str, dict[str, None]] = {}
    for cell in results.cells:
        said = cell.identity.get("versions")
        for name, version in said.items() if isinstance(said, Mapping) else ():
            found.setdefault(str(name), {})[str(version)] = None
    return {name: " and ".join(several) for name, several in found.items()}
