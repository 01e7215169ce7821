"""Load one plugin, whole or not at all: what it registers is staged, and kept only if everything went well."""

from __future__ import annotations

import inspect
import re
from importlib.metadata import EntryPoint
from typing import TYPE_CHECKING, Any, Literal, get_args, get_origin

import attrs
import pluggy
from pydantic import BaseModel

from sah_core.calibration.settings import CalibrationSettings
from sah_core.errors import PluginError
from sah_core.masker_config import MaskerConfig

from . import hookspecs
from .hookspecs import API_VERSION, PROJECT
from .record import CalibratorOffer, MaskerOffer, NamedOffer, PluginRecord, TaskOffer

if TYPE_CHECKING:
    import typer

__all__ = ["LoadedPlugin", "load_plugin"]

_REFERENCE = re.compile(r"[A-Za-z_]\w*(\.[A-Za-z_]\w*)*:[A-Za-z_]\w*")
_NAME = re.compile(r"[a-z][a-z0-9_-]*")


@attrs.frozen
class LoadedPlugin:
    """A plugin's record with what it offers; a plugin that is not ``ok`` offers nothing and has no hooks."""

    record: PluginRecord
    maskers: tuple[MaskerOffer, ...] = ()
    models: tuple[NamedOffer, ...] = ()
    calibrators: tuple[CalibratorOffer, ...] = ()
    tasks: tuple[TaskOffer, ...] = ()
    scorers: tuple[NamedOffer, ...] = ()
    metrics: tuple[NamedOffer, ...] = ()
    hooks: pluggy.PluginManager | None = None

    @property
    def has_commands(self) -> bool:
        """Whether the plugin has commands for ``sah``."""
        return self.hooks is not None and bool(self.hooks.hook.sah_register_commands.get_hookimpls())

    def add_commands(self, app: typer.Typer) -> None:
        """Let the plugin add its commands to ``app``; whatever its hook raises comes out as it is."""
        if self.hooks is not None:
            self.hooks.hook.sah_register_commands(app=app)


def load_plugin(entry_point: EntryPoint, refusal: str | None) -> LoadedPlugin:
    """Import the plugin, check it and collect what it offers; whatever it does wrong ends up in its record.

    ``refusal`` is the reason not to load it at all, which makes it a disabled plugin.
    """
    distribution = entry_point.dist
    record = PluginRecord(
        distribution=(distribution and distribution.name) or entry_point.name,
        version=distribution.version if distribution else "unknown",
        entry_point=entry_point.name,
        module=entry_point.value,
        status="ok",
    )
    if refusal is not None:
        return LoadedPlugin(attrs.evolve(record, status="disabled", reason=refusal))
    staged = _Staged()
    try:
        plugin = _imported(entry_point)
        _check_api_version(plugin)
        hooks = _checked_hooks(plugin)
        _call(hooks, "sah_register_maskers", staged.add_masker)
        _call(hooks, "sah_register_models", staged.add_model)
        _call(hooks, "sah_register_calibrators", staged.add_calibrator)
        _call(hooks, "sah_register_tasks", staged.add_task)
        _call(hooks, "sah_register_scorers", staged.add_scorer)
        _call(hooks, "sah_register_metrics", staged.add_metric)
    # A plugin's code may raise anything, and one broken plugin must not take the others down.
    except (Exception, SystemExit) as error:  # noqa: BLE001
        reason = str(error) if isinstance(error, PluginError) else _described(error)
        cause = error.__cause__ or error
        return LoadedPlugin(attrs.evolve(staged.named_in(record), status="failed", reason=reason, cause=cause))
    return LoadedPlugin(
        staged.named_in(record),
        tuple(staged.maskers.values()),
        tuple(staged.models.values()),
        tuple(staged.calibrators.values()),
        tuple(staged.tasks.values()),
        tuple(staged.scorers.values()),
        tuple(staged.metrics.values()),
        hooks,
    )


def _described(error: BaseException) -> str:
    return f"{type(error).__name__}: {' '.join(str(error).split())}".removesuffix(": ")


def _imported(entry_point: EntryPoint) -> object:
    try:
        return entry_point.load()
    except (Exception, SystemExit) as error:
        raise PluginError(f"importing {entry_point.value} raised {_described(error)}") from error


def _check_api_version(plugin: object) -> None:
    version = getattr(plugin, "SAH_API_VERSION", None)
    if version is None:
        raise PluginError(f"it declares no SAH_API_VERSION; this sah-core expects SAH_API_VERSION = {API_VERSION}")
    if type(version) is not int or version != API_VERSION:
        raise PluginError(
            f"it was made for plugin API version {version!r}, and this sah-core has version {API_VERSION}: "
            "install a release of one that fits the other"
        )


def _checked_hooks(plugin: object) -> pluggy.PluginManager:
    """Register the plugin with a manager of its own, so that a bad one leaves no trace in another's."""
    manager = pluggy.PluginManager(PROJECT)
    manager.add_hookspecs(hookspecs)
    try:
        name = manager.register(plugin)
        manager.check_pending()
    except pluggy.PluginValidationError as error:
        raise PluginError(f"malformed hook: {_malformed(error)}") from error
    unmarked = [
        name
        for name in dir(plugin)
        if name.startswith("sah_register_") and not hasattr(getattr(plugin, name), f"{PROJECT}_impl")
    ]
    if unmarked:
        raise PluginError(f"malformed hook: {unmarked[0]} is not marked with @hookimpl, so it would never be called")
    if not manager.get_hookcallers(plugin):
        raise PluginError(f"it has no hook: mark a function such as sah_register_maskers in {name} with @hookimpl")
    return manager


def _malformed(error: pluggy.PluginValidationError) -> str:
    # pluggy says which plugin it is, what the hook's signature is and what is wrong with it, a line each.
    lines = str(error).splitlines()
    said = " ".join(lines[1:] or lines).removeprefix("hookimpl definition: ")
    hooks = [name for name in dir(hookspecs) if name.startswith("sah_register_")]
    return said if lines[1:] else f"{said} (hooks: {', '.join(hooks)})"


def _call(hooks: pluggy.PluginManager, hook: str, register: object) -> None:
    try:
        results = getattr(hooks.hook, hook)(register=register)
    except PluginError as error:
        raise PluginError(f"{hook}: {error}") from error
    except (Exception, SystemExit) as error:
        raise PluginError(f"{hook} raised {_described(error)}") from error
    if results:
        raise PluginError(f"malformed hook: {hook} should register and return nothing, not {results[0]!r}")


class _Staged:
    """What a plugin has registered so far; every registration is checked on the spot."""

    def __init__(self) -> None:
        self.maskers: dict[str, MaskerOffer] = {}
        self.models: dict[str, NamedOffer] = {}
        self.calibrators: dict[str, CalibratorOffer] = {}
        self.tasks: dict[str, TaskOffer] = {}
        self.scorers: dict[str, NamedOffer] = {}
        self.metrics: dict[str, NamedOffer] = {}

    def named_in(self, record: PluginRecord) -> PluginRecord:
        return attrs.evolve(
            record,
            kinds=tuple(self.maskers),
            models=tuple(self.models),
            tasks=tuple(self.tasks),
            scorers=tuple(self.scorers),
            metrics=tuple(self.metrics),
        )

    def add_masker(self, config: Any, masker: Any) -> None:
        if not (inspect.isclass(config) and issubclass(config, MaskerConfig)):
            raise PluginError(f"register expects a subclass of MaskerConfig, not {config!r}")
        kind = _kind(config)
        _check_reference(masker, f"the masker of {kind!r}", "module:Class")
        if kind in self.maskers:
            raise PluginError(f"it registers the masker {kind!r} twice")
        self.maskers[kind] = MaskerOffer(config, masker)

    def add_calibrator(self, config: Any, settings: Any, calibrator: Any, *, field: Any) -> None:
        if not any(config is offer.config for offer in self.maskers.values()):
            raise PluginError(f"a calibrator is for a masker that the plugin itself registers, not {config!r}")
        kind = _kind(config)
        if not (inspect.isclass(settings) and issubclass(settings, CalibrationSettings)):
            raise PluginError(f"the settings of {kind!r} should be a subclass of CalibrationSettings, not {settings!r}")
        _check_reference(calibrator, f"the calibrator of {kind!r}", "module:Class")
        if field not in config.model_fields:
            raise PluginError(f"field should name the field of {config.__name__} that takes the folder, not {field!r}")
        if kind in self.calibrators:
            raise PluginError(f"it registers the calibrator of {kind!r} twice")
        self.calibrators[kind] = CalibratorOffer(config, settings, calibrator, field)

    def add_model(self, name: Any, source: Any, *, description: str = "") -> None:
        _add_named(self.models, "model", name, source, description)

    def add_task(self, config: Any, task: Any) -> None:
        if not (inspect.isclass(config) and issubclass(config, BaseModel) and "kind" in config.model_fields):
            raise PluginError(f"register expects a task's config class, not {config!r}")
        kind = _kind(config, "task")
        _check_reference(task, f"the task {kind!r}", "module:Class")
        if kind in self.tasks:
            raise PluginError(f"it registers the task {kind!r} twice")
        self.tasks[kind] = TaskOffer(config, task)

    def add_scorer(self, name: Any, source: Any, *, description: str = "") -> None:
        _add_named(self.scorers, "scorer", name, source, description)

    def add_metric(self, name: Any, source: Any, *, description: str = "") -> None:
        _add_named(self.metrics, "metric", name, source, description)


def _add_named(offers: dict[str, NamedOffer], what: str, name: Any, source: Any, description: str) -> None:
    if not (isinstance(name, str) and _NAME.fullmatch(name)):
        raise PluginError(f"a {what}'s name is lower-case letters, digits, - and _, not {name!r}")
    _check_reference(source, f"the {what} {name!r}", "module:function")
    if name in offers:
        raise PluginError(f"it registers the {what} {name!r} twice")
    offers[name] = NamedOffer(name, source, description)


def _kind(config: type[BaseModel], what: str = "masker") -> str:
    field = config.model_fields["kind"]
    choices = get_args(field.annotation) if get_origin(field.annotation) is Literal else ()
    if len(choices) != 1 or field.default != choices[0] or not isinstance(choices[0], str):
        raise PluginError(f'{config.__name__} needs a field of the form  kind: Literal["name"] = "name"')
    if not _NAME.fullmatch(choices[0]):
        raise PluginError(f"a {what}'s kind is lower-case letters, digits, - and _, not {choices[0]!r}")
    return choices[0]


def _check_reference(value: Any, of: str, form: str) -> None:
    if not (isinstance(value, str) and _REFERENCE.fullmatch(value)):
        raise PluginError(f'{of} should be given as "{form}", not {value!r}')
