"""The environment's say in which plugins are used: ``SAH_PLUGINS`` allows, ``SAH_DISABLE_PLUGINS`` refuses."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping

import attrs

__all__ = ["ALLOW", "DISABLE", "PluginSwitches", "normalised"]

ALLOW = "SAH_PLUGINS"
DISABLE = "SAH_DISABLE_PLUGINS"


def normalised(distribution: str) -> str:
    """A distribution's name as package indexes compare it (PEP 503): ``Sah_Masker.Quest`` is ``sah-masker-quest``."""
    return re.sub(r"[-_.]+", "-", distribution).lower()


def _names(text: str) -> frozenset[str]:
    return frozenset(normalised(name.strip()) for name in text.split(",") if name.strip())


@attrs.frozen
class PluginSwitches:
    """The distributions that the environment allows (None: all) and those that it disables."""

    allowed: frozenset[str] | None
    disabled: frozenset[str]

    @classmethod
    def from_environ(cls, environ: Mapping[str, str]) -> PluginSwitches:
        """Read both variables; an empty one is as good as none."""
        return cls(allowed=_names(environ.get(ALLOW, "")) or None, disabled=_names(environ.get(DISABLE, "")))

    def refusal(self, distribution: str) -> str | None:
        """Why this distribution is not to be loaded, or None."""
        name = normalised(distribution)
        if name in self.disabled:
            return f"{DISABLE} names it"
        if self.allowed is not None and name not in self.allowed:
            return f"{ALLOW} is set and does not name it"
        return None

    def unmatched(self, distributions: Iterable[str]) -> tuple[str, ...]:
        """One sentence for each name in the switches that is no installed plugin's."""
        installed = {normalised(name) for name in distributions}
        return tuple(
            f"{variable} names {name!r}, and no installed plugin is called that"
            for variable, names in ((ALLOW, self.allowed or ()), (DISABLE, self.disabled))
            for name in sorted(names)
            if name not in installed
        )
