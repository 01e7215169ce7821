"""Whether a cluster's nodes have what this machine has: a result belongs to the versions that made it."""

from __future__ import annotations

import platform
from collections.abc import Mapping
from importlib.metadata import PackageNotFoundError, version

from sah_core.errors import UsageError
from sah_core.plugins import Registry, default_registry

__all__ = ["check_same", "installed_here"]

_LIBRARIES = ("sah-core", "sah-hf", "sah-bench", "torch", "transformers", "tokenizers", "numba")
"""What answers depend on, beside Python and the plugins."""
_SHOWN = 6
"""Differences that are named; there may be as many as there are packages."""


def installed_here(registry: Registry | None = None) -> dict[str, str]:
    """The versions here of all that an answer may depend on, Python's among them; "" for what is not installed."""
    known = default_registry() if registry is None else registry
    names = {*_LIBRARIES, *(record.distribution for record in known.records if record.status == "ok")}
    return {"python": platform.python_version()} | {name: _version(name) for name in sorted(names)}


def check_same(here: Mapping[str, str], nodes: Mapping[str, Mapping[str, str]]) -> None:
    """Raise UsageError where a node, by its name, has another version of anything, and say which."""
    for node, there in nodes.items():
        different = [
            f"{name} {there.get(name) or 'is missing'} ({here[name] or 'missing'} here)"
            for name in here
            if there.get(name, "") != here[name]
        ]
        if different:
            more = f" and {len(different) - _SHOWN} more" if len(different) > _SHOWN else ""
            raise UsageError(
                f"node {node} of the Ray cluster has other packages than this machine: "
                f"{', '.join(different[:_SHOWN])}{more}; install the same everywhere, as answers may differ"
            )


def _version(name: str) -> str:
    try:
        return version(name)
    except PackageNotFoundError:
        return ""
