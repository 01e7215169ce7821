"""What the working plugins offer of one sort of thing, found by name."""

from __future__ import annotations

import difflib
from collections.abc import Iterable, Mapping
from typing import Any, Generic, TypeVar

from sah_core.errors import ConfigError

from .loading import LoadedPlugin
from .lookup import by_name, only_offer, resolved
from .record import NamedOffer, PluginRecord, TaskOffer

__all__ = ["PUBLISHED_TASKS", "Offers"]

PUBLISHED_TASKS = {
    "ruler": "sah-tasks-ruler",
    **dict.fromkeys(
        ("longbench", "longbench_v2", "infinitebench", "loogle", "zeroscrolls", "aime"), "sah-tasks-longcontext"
    ),
}
"""The distribution that brings each task of this project which `sah bench` comes without."""

Found = TypeVar("Found", TaskOffer, NamedOffer)


class Offers(Generic[Found]):
    """Tasks, scorers or metrics; ``what`` is the word for one of them in an error.

    ``published`` are names with the distribution that brings them, to be advised where they are not installed.
    """

    def __init__(
        self, what: str, offers: Iterable[tuple[LoadedPlugin, Found]], published: Mapping[str, str] | None = None
    ) -> None:
        self._what = what
        self._published = published or {}
        self._offers: dict[str, list[tuple[LoadedPlugin, Found]]] = by_name(offers)

    def __repr__(self) -> str:
        return f"Offers({self._what}: {', '.join(self.names) or 'none'})"

    @property
    def names(self) -> tuple[str, ...]:
        """Those that can be used, sorted: what two plugins offer, neither may."""
        return tuple(sorted(name for name, offers in self._offers.items() if len(offers) == 1))

    def find(self, name: str) -> Found:
        """The offer of this name; nothing is imported.

        Raises ConfigError where no working plugin makes one, PluginError where two do.
        """
        return self._only(name)[1]

    def record(self, name: str) -> PluginRecord:
        """The record of the plugin that makes the offer; raises as ``find`` does."""
        return self._only(name)[0].record

    def load(self, name: str) -> Any:
        """What the offer points to, imported now; raises as ``find`` does, and PluginError where it is not there."""
        plugin, offer = self._only(name)
        return resolved(offer.source, f"{self._what} {name!r} of {plugin.record.distribution}")

    def _only(self, name: str) -> tuple[LoadedPlugin, Found]:
        if name not in self._offers:
            if name in self._published:
                raise ConfigError(f"{self._what} {name!r} is not installed: pip install {self._published[name]}")
            near = difflib.get_close_matches(name, self.names, n=1)
            meant = f" (did you mean {near[0]!r}?)" if near else ""
            raise ConfigError(f"unknown {self._what} {name!r}{meant}; installed: {', '.join(self.names) or 'none'}")
        return only_offer(f"{self._what} {name!r}", self._offers[name])
