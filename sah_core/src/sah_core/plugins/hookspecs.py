"""The hooks that a plugin may implement, and the marker with which it says so.

A plugin is a module named by an entry point of the group ``sah``.
It declares ``SAH_API_VERSION = 1``, marks its hooks with ``hookimpl``, and stays light: no torch at import.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final, Protocol

import pluggy

if TYPE_CHECKING:
    import typer
    from pydantic import BaseModel

    from sah_core.calibration.settings import CalibrationSettings
    from sah_core.masker_config import MaskerConfig

__all__ = [
    "API_VERSION",
    "PROJECT",
    "RegisterCalibrator",
    "RegisterMasker",
    "RegisterModel",
    "RegisterNamed",
    "RegisterTask",
    "hookimpl",
    "hookspec",
]

PROJECT: Final = "sah"
API_VERSION: Final = 1

hookspec = pluggy.HookspecMarker(PROJECT)
hookimpl = pluggy.HookimplMarker(PROJECT)


class RegisterMasker(Protocol):
    """What ``sah_register_maskers`` is given: takes a config class and its masker as ``"module:Class"``."""

    def __call__(self, config: type[MaskerConfig], masker: str) -> None:
        """Offer the masker of this config; raises ``PluginError`` for anything that is not one."""


class RegisterCalibrator(Protocol):
    """What ``sah_register_calibrators`` is given.

    Takes the config class of the masker that it calibrates, the class of its settings, the calibrator as
    ``"module:Class"``, and the config's field that names the calibration folder.
    """

    def __call__(
        self, config: type[MaskerConfig], settings: type[CalibrationSettings], calibrator: str, *, field: str
    ) -> None:
        """Offer the calibrator of this config; raises ``PluginError`` for anything that is not one."""


class RegisterModel(Protocol):
    """What ``sah_register_models`` is given: takes a name and ``"module:function"`` that returns its directory."""

    def __call__(self, name: str, source: str, *, description: str = "") -> None:
        """Offer a model under this name; raises ``PluginError`` for a name or source of another form."""


class RegisterTask(Protocol):
    """What ``sah_register_tasks`` is given: takes a config class and its task as ``"module:Class"``."""

    def __call__(self, config: type[BaseModel], task: str) -> None:
        """Offer the task of this config; raises ``PluginError`` for anything that is not one."""


class RegisterNamed(Protocol):
    """What ``sah_register_scorers`` and ``sah_register_metrics`` are given: a name and ``"module:object"``."""

    def __call__(self, name: str, source: str, *, description: str = "") -> None:
        """Offer it under this name; raises ``PluginError`` for a name or source of another form."""


@hookspec
def sah_register_maskers(register: RegisterMasker) -> None:
    """Offer maskers: call ``register(ConfigClass, "module:Class")`` once for each."""


@hookspec
def sah_register_calibrators(register: RegisterCalibrator) -> None:
    """Offer calibrators: call ``register(ConfigClass, SettingsClass, "module:Class", field="weights")``."""


@hookspec
def sah_register_models(register: RegisterModel) -> None:
    """Offer models that need no network: call ``register("name", "module:function", description="...")``."""


@hookspec
def sah_register_tasks(register: RegisterTask) -> None:
    """Offer tasks for `sah bench`: call ``register(ConfigClass, "module:Class")`` once for each."""


@hookspec
def sah_register_scorers(register: RegisterNamed) -> None:
    """Offer ways to score an answer: call ``register("name", "module:function", description="...")``."""


@hookspec
def sah_register_metrics(register: RegisterNamed) -> None:
    """Offer measurements of attention calls: call ``register("name", "module:Class", description="...")``."""


@hookspec
def sah_register_commands(app: typer.Typer) -> None:
    """Add commands to ``sah``: decorate functions with ``@app.command()``."""
