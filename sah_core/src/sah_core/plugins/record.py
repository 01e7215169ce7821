"""What is known of one plugin, and what it offers."""

from __future__ import annotations

from typing import Literal

import attrs
from pydantic import BaseModel

from sah_core.calibration.settings import CalibrationSettings
from sah_core.masker_config import MaskerConfig

__all__ = ["CalibratorOffer", "MaskerOffer", "NamedOffer", "PluginRecord", "TaskOffer"]


@attrs.frozen
class PluginRecord:
    """One installed plugin and what became of it.

    ``kinds`` (of maskers) to ``metrics`` are the names that it offers; where it failed, those offered until then.
    ``reason`` says in a sentence why a plugin is disabled or failed, and ``cause`` is the exception behind it, if any.
    """

    distribution: str
    version: str
    entry_point: str
    module: str
    status: Literal["ok", "disabled", "failed"]
    reason: str | None = None
    kinds: tuple[str, ...] = ()
    models: tuple[str, ...] = ()
    tasks: tuple[str, ...] = ()
    scorers: tuple[str, ...] = ()
    metrics: tuple[str, ...] = ()
    cause: BaseException | None = attrs.field(default=None, eq=False, repr=False)


@attrs.frozen
class MaskerOffer:
    """A masker that a plugin offers: its config class and where its class is, as ``"module:Class"``."""

    config: type[MaskerConfig]
    masker: str

    @property
    def name(self) -> str:
        """The masker's kind."""
        return str(self.config.model_fields["kind"].default)


@attrs.frozen
class CalibratorOffer:
    """What learns offline for a masker: the masker's config class and the calibrator's settings and class.

    ``field`` is the config's field that names the folder of what was learned.
    """

    config: type[MaskerConfig]
    settings: type[CalibrationSettings]
    calibrator: str
    field: str

    @property
    def name(self) -> str:
        """The kind of the masker that it calibrates."""
        return str(self.config.model_fields["kind"].default)


@attrs.frozen
class TaskOffer:
    """A benchmark's task that a plugin offers: its config class and where its class is, as ``"module:Class"``."""

    config: type[BaseModel]
    source: str

    @property
    def name(self) -> str:
        """The task's kind."""
        return str(self.config.model_fields["kind"].default)


@attrs.frozen
class NamedOffer:
    """A model, scorer or metric that a plugin offers: its name, where it is, and a few words about it.

    ``source`` of a model is ``"module:function"``, which returns the model's directory.
    """

    name: str
    source: str
    description: str
