"""What ``sah doctor`` finds: versions, devices, every plugin, and everything that does not work."""

from __future__ import annotations

import platform
from functools import partial
from importlib.metadata import PackageNotFoundError, version

import attrs

from sah_core.errors import PluginError
from sah_core.plugins import PluginRecord, Registry

from .plugin_commands import plugin_commands

__all__ = ["Diagnosis", "Problem", "diagnose"]


@attrs.frozen
class Problem:
    """Something that does not work: who is to blame, what it is, and the exception behind it."""

    distribution: str
    what: str
    cause: BaseException | None = attrs.field(default=None, eq=False, repr=False)


@attrs.frozen
class Diagnosis:
    """The state of an installation; it is well if there are no problems.

    ``commands`` has the commands that each plugin adds, under its distribution, ``models`` each model's description.
    """

    versions: dict[str, str | None]
    devices: tuple[str, ...]
    extras: dict[str, str]
    """What makes attention faster, and the version that does, or why it does not run here."""
    plugins: tuple[PluginRecord, ...]
    commands: dict[str, tuple[str, ...]]
    models: dict[str, str]
    problems: tuple[Problem, ...]
    notes: tuple[str, ...]


def diagnose(registry: Registry) -> Diagnosis:
    """Look at everything, importing torch and every masker's class on the way."""
    devices, torch_problems = _devices()
    problems = [*torch_problems, *_plugin_problems(registry), *_class_problems(registry)]
    commands = list(plugin_commands(registry))
    problems += [Problem(added.record.distribution, added.problem) for added in commands if added.problem is not None]
    return Diagnosis(
        versions={
            "python": platform.python_version(),
            **{name: _version(name) for name in ("sah-core", "torch", "transformers")},
        },
        devices=devices,
        extras={} if torch_problems else _extras(),
        plugins=registry.records,
        commands={added.record.distribution: added.names for added in commands if added.names},
        models={name: registry.model_description(name) for name in registry.model_names},
        problems=tuple(problems),
        notes=registry.unmatched_switches,
    )


def _version(distribution: str) -> str | None:
    try:
        return version(distribution)
    except PackageNotFoundError:
        return None


def _devices() -> tuple[tuple[str, ...], list[Problem]]:
    try:
        import torch
    # A torch that cannot be imported (a missing CUDA library, say) is the very thing to report.
    except Exception as error:  # noqa: BLE001
        return (), [Problem("torch", f"importing it raised {type(error).__name__}: {error}", error)]
    found = [f"cpu ({torch.get_num_threads()} threads)"]
    for index in range(torch.cuda.device_count()):
        device = torch.cuda.get_device_properties(index)
        found.append(f"cuda:{index} ({device.name}, {device.total_memory / 2**30:.0f} GiB)")
    if torch.backends.mps.is_available():
        found.append("mps")
    return tuple(found), []


def _extras() -> dict[str, str]:
    from sah_core.compiled.available import loops_missing
    from sah_core.kernels.available import kernels_missing

    return {
        "compiled loops": loops_missing() or f"numba {_version('numba')}",
        "GPU kernels": kernels_missing() or f"triton {_version('triton')}",
    }


def _plugin_problems(registry: Registry) -> list[Problem]:
    problems = [
        Problem(record.distribution, f"failed to load: {record.reason}", record.cause)
        for record in registry.records
        if record.status == "failed"
    ]
    for kind, records in registry.conflicts.items():
        names = " and ".join(record.distribution for record in records)
        problems.append(
            Problem(names, f"masker {kind!r} is offered more than once: uninstall one, or set SAH_DISABLE_PLUGINS")
        )
    return problems


def _class_problems(registry: Registry) -> list[Problem]:
    problems = []
    for kind in registry.kinds:
        try:
            registry.masker_class(kind)
        except PluginError as error:
            problems.append(Problem(registry.masker_record(kind).distribution, str(error), error))
    for record in registry.records:
        for name in record.models if record.status == "ok" else ():
            try:
                registry.model_source(name)
            except PluginError as error:
                problems.append(Problem(record.distribution, str(error), error))
    return [*problems, *_offer_problems(registry)]


def _offer_problems(registry: Registry) -> list[Problem]:
    """Tasks, scorers and metrics that cannot be used: offered twice, or not where their plugin says."""
    problems = []
    for record in (record for record in registry.records if record.status == "ok"):
        tasks = [partial(registry.tasks.load, name) for name in record.tasks]
        scorers = [partial(registry.scorers.load, name) for name in record.scorers]
        for load in (*tasks, *scorers, *(partial(registry.metrics.load, name) for name in record.metrics)):
            try:
                load()
            except PluginError as error:
                problems.append(Problem(record.distribution, str(error), error))
    return problems
