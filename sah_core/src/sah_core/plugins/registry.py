"""The registry: what the installed plugins offer, each plugin loaded apart from the others."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable, Mapping
from functools import cache
from importlib.metadata import EntryPoint, entry_points
from pathlib import Path
from typing import TYPE_CHECKING, Any

from sah_core.errors import PluginError, UnknownMaskerError
from sah_core.masker_config import MaskerConfig

from .hookspecs import PROJECT
from .loading import LoadedPlugin, load_plugin
from .lookup import by_name, only_offer, resolved
from .offers import PUBLISHED_TASKS, Offers
from .record import CalibratorOffer, MaskerOffer, NamedOffer, PluginRecord, TaskOffer
from .switches import PluginSwitches
from .unknown import unknown_masker

if TYPE_CHECKING:
    import typer

__all__ = ["Registry", "default_registry"]


class Registry:
    """What the installed plugins offer, read once when it is made.

    ``entry_points`` are the plugins to load (default: those of the group ``sah`` that are installed), ``environ`` holds
    the switches ``SAH_PLUGINS`` and ``SAH_DISABLE_PLUGINS`` (default: the process's environment).
    A plugin that cannot be loaded is recorded with its reason and the others work; making a registry never raises.
    """

    def __init__(
        self, entry_points: Iterable[EntryPoint] | None = None, environ: Mapping[str, str] | None = None
    ) -> None:
        found = _installed() if entry_points is None else list(entry_points)
        switches = PluginSwitches.from_environ(os.environ if environ is None else environ)
        self._plugins = tuple(load_plugin(point, switches.refusal(_distribution(point))) for point in found)
        self._maskers = by_name((plugin, offer) for plugin in self._plugins for offer in plugin.maskers)
        self._models = by_name((plugin, offer) for plugin in self._plugins for offer in plugin.models)
        self.tasks: Offers[TaskOffer] = Offers(
            "task", ((plugin, offer) for plugin in self._plugins for offer in plugin.tasks), PUBLISHED_TASKS
        )
        """What `sah bench` can ask, by the config's ``kind``."""
        self.scorers: Offers[NamedOffer] = Offers(
            "scorer", ((plugin, offer) for plugin in self._plugins for offer in plugin.scorers)
        )
        """How an answer can be scored."""
        self.metrics: Offers[NamedOffer] = Offers(
            "metric", ((plugin, offer) for plugin in self._plugins for offer in plugin.metrics)
        )
        """What can be measured of an attention call."""
        self._unmatched = switches.unmatched(_distribution(point) for point in found)

    def __repr__(self) -> str:
        return f"Registry(kinds={list(self.kinds)}, models={list(self.model_names)})"

    @property
    def records(self) -> tuple[PluginRecord, ...]:
        """One record for every installed plugin, working or not."""
        return tuple(plugin.record for plugin in self._plugins)

    @property
    def unmatched_switches(self) -> tuple[str, ...]:
        """A sentence for each name in the environment's switches that is no installed plugin's."""
        return self._unmatched

    @property
    def kinds(self) -> tuple[str, ...]:
        """The maskers that can be used, sorted by name."""
        return tuple(sorted(kind for kind, offers in self._maskers.items() if len(offers) == 1))

    @property
    def conflicts(self) -> dict[str, tuple[PluginRecord, ...]]:
        """The maskers that more than one plugin offers, which none may therefore use, with those plugins."""
        return {
            kind: tuple(plugin.record for plugin, _ in offers)
            for kind, offers in sorted(self._maskers.items())
            if len(offers) > 1
        }

    def masker_config(self, kind: str) -> type[MaskerConfig]:
        """The config class of a masker; torch is not imported.

        Raises ``UnknownMaskerError`` for a kind that no working plugin offers, ``PluginError`` for one offered twice.
        """
        return self._masker(kind)[1].config

    def masker_record(self, kind: str) -> PluginRecord:
        """The record of the plugin that offers this masker; raises as ``masker_config`` does."""
        return self._masker(kind)[0].record

    def masker_class(self, kind: str) -> type[Any]:
        """The masker's class, imported now.

        Raises as ``masker_config`` does, and ``PluginError`` where the class cannot be imported or has no ``add_mask``.
        """
        plugin, offer = self._masker(kind)
        found = resolved(offer.masker, f"masker {kind!r} of {plugin.record.distribution}")
        if not isinstance(found, type) or not callable(getattr(found, "add_mask", None)):
            raise PluginError(
                f"masker {kind!r} of {plugin.record.distribution}: {offer.masker} should be a class with add_mask, "
                f"not {found!r}"
            )
        return found

    @property
    def calibrated_kinds(self) -> tuple[str, ...]:
        """The maskers that can be calibrated, sorted by name."""
        return tuple(
            kind for kind in self.kinds if any(offer.name == kind for offer in self._masker(kind)[0].calibrators)
        )

    def calibrator(self, kind: str) -> CalibratorOffer:
        """What calibrates a masker: its settings, where its class is, and the config's field for the folder.

        Raises as ``masker_config`` does, and ``PluginError`` for a masker that needs no calibration.
        """
        plugin, _ = self._masker(kind)
        for offer in plugin.calibrators:
            if offer.name == kind:
                return offer
        raise PluginError(
            f"masker {kind!r} learns nothing offline; what can be calibrated: "
            f"{', '.join(self.calibrated_kinds) or 'nothing that is installed'}"
        )

    def calibrator_class(self, kind: str) -> type[Any]:
        """The calibrator's class, imported now; raises as ``calibrator`` does, and where it cannot be imported."""
        offer = self.calibrator(kind)
        what = f"the calibrator of {kind!r} of {self.masker_record(kind).distribution}"
        found = resolved(offer.calibrator, what)
        if not isinstance(found, type) or not callable(getattr(found, "observe", None)):
            raise PluginError(f"{what}: {offer.calibrator} should be a class with observe, not {found!r}")
        return found

    @property
    def model_names(self) -> tuple[str, ...]:
        """The models that plugins offer, sorted by name."""
        return tuple(sorted(self._models))

    def model_description(self, name: str) -> str:
        """What the plugin says of a model that it offers; empty for a model that no plugin offers."""
        return self._models[name][0][1].description if name in self._models else ""

    def model_source(self, name: str) -> str | None:
        """The directory of a model that a plugin offers, or None if no plugin offers one of this name.

        Raises ``PluginError`` where two plugins offer it, or the plugin cannot say where it is.
        """
        offers = self._models.get(name)
        if offers is None:
            return None
        plugin, offer = only_offer(f"model {name!r}", offers)
        what = f"model {name!r} of {plugin.record.distribution}"
        source = resolved(offer.source, what)
        try:
            directory = Path(source())
        # The function is the plugin's: whatever it raises is that plugin's failure, told by name.
        except (Exception, SystemExit) as error:
            raise PluginError(f"{what}: {offer.source} raised {type(error).__name__}: {error}") from error
        if not directory.is_dir():
            raise PluginError(f"{what}: {offer.source} names a directory that is not there: {directory}")
        return str(directory)

    def command_hooks(self) -> tuple[tuple[PluginRecord, Callable[[typer.Typer], None]], ...]:
        """For each working plugin with commands its record and its hook, to be called with a typer app."""
        return tuple((plugin.record, plugin.add_commands) for plugin in self._plugins if plugin.has_commands)

    def _masker(self, kind: str) -> tuple[LoadedPlugin, MaskerOffer]:
        if kind not in self._maskers:
            raise UnknownMaskerError(unknown_masker(kind, self.kinds, self.records))
        return only_offer(f"masker {kind!r}", self._maskers[kind])


@cache
def default_registry() -> Registry:
    """The registry of what was installed when it was first asked for; ``Registry()`` reads anew."""
    return Registry()


def _installed() -> list[EntryPoint]:
    return sorted(entry_points(group=PROJECT), key=lambda point: (_distribution(point), point.name))


def _distribution(point: EntryPoint) -> str:
    return (point.dist and point.dist.name) or point.name
