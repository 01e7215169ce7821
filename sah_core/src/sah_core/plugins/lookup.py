"""Find the one plugin that offers a name, and the object that its offer points to."""

from __future__ import annotations

import importlib
from collections.abc import Iterable, Sequence
from typing import Any, TypeVar

from sah_core.errors import PluginError

from .loading import LoadedPlugin
from .record import MaskerOffer, NamedOffer, TaskOffer

__all__ = ["by_name", "only_offer", "resolved"]

Offer = TypeVar("Offer", MaskerOffer, TaskOffer, NamedOffer)


def by_name(offers: Iterable[tuple[LoadedPlugin, Offer]]) -> dict[str, list[tuple[LoadedPlugin, Offer]]]:
    """Every offer, with the plugin that makes it, under the name that it is made for."""
    found: dict[str, list[tuple[LoadedPlugin, Offer]]] = {}
    for plugin, offer in offers:
        found.setdefault(offer.name, []).append((plugin, offer))
    return found


def only_offer(what: str, offers: Sequence[tuple[LoadedPlugin, Offer]]) -> tuple[LoadedPlugin, Offer]:
    """The single offer of a name; raises ``PluginError`` that names the distributions where there are several."""
    if len(offers) > 1:
        names = " and ".join(f"{plugin.record.distribution} {plugin.record.version}" for plugin, _ in offers)
        raise PluginError(
            f"{what} is offered by {names}: uninstall one, or name it in the environment variable SAH_DISABLE_PLUGINS"
        )
    return offers[0]


def resolved(reference: str, what: str) -> Any:
    """The object that ``"module:name"`` points to, imported now; raises ``PluginError`` where there is none."""
    module, _, name = reference.partition(":")
    try:
        found = importlib.import_module(module)
    # The module is a plugin's: whatever its import raises is that plugin's failure, told by name.
    except (Exception, SystemExit) as error:
        raise PluginError(f"{what}: importing {module} raised {type(error).__name__}: {error}") from error
    if not hasattr(found, name):
        raise PluginError(f"{what}: there is no {name} in {module}")
    return getattr(found, name)
