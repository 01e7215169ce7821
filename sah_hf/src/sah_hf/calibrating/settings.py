"""Which maskers of a config are calibrated, and how, as the command line says."""

from __future__ import annotations

import difflib
import json
from collections.abc import Sequence
from typing import Any

from pydantic import ValidationError

from sah_core import CalibrationSettings, ConfigError, MaskerConfig, UsageError, default_registry

__all__ = ["Asked", "asked_calibrations"]

Asked = tuple[MaskerConfig, CalibrationSettings]


def asked_calibrations(maskers: Sequence[MaskerConfig], changes: Sequence[str]) -> list[Asked]:
    """Each masker that can be calibrated, with its settings; ``changes`` are of the form ``KIND.FIELD=VALUE``.

    Raises ConfigError where nothing can be calibrated, or two maskers of a kind differ; UsageError for a bad change.
    """
    registry = default_registry()
    found: dict[str, MaskerConfig] = {}
    for masker in maskers:
        if masker.kind not in registry.calibrated_kinds:
            continue
        if found.setdefault(masker.kind, masker) != masker:
            raise ConfigError(
                f"the config has two different {masker.kind} maskers, and one folder holds one calibration: "
                "calibrate them with a config each"
            )
    if not found:
        kinds = ", ".join(dict.fromkeys(masker.kind for masker in maskers))
        raise ConfigError(
            f"no masker of the config ({kinds or 'none'}) learns anything; those that do: "
            f"{', '.join(registry.calibrated_kinds) or 'none is installed'}"
        )
    values: dict[str, dict[str, Any]] = {kind: {} for kind in found}
    for change in changes:
        kind, field, value = _parsed(change, list(found))
        values[kind][field] = value
    return [(masker, _settings(kind, values[kind])) for kind, masker in found.items()]


def _parsed(change: str, kinds: list[str]) -> tuple[str, str, Any]:
    name, equals, value = change.partition("=")
    kind, dot, field = name.partition(".")
    if not equals or not dot:
        raise UsageError(f"--set {change}: expected KIND.FIELD=VALUE, such as {kinds[0]}.seed=1")
    if kind not in kinds:
        raise UsageError(f"--set {change}: {kind!r} is not calibrated here; there is {', '.join(kinds)}")
    try:
        return kind, field, json.loads(value)
    except json.JSONDecodeError:
        return kind, field, value


def _settings(kind: str, values: dict[str, Any]) -> CalibrationSettings:
    model = default_registry().calibrator(kind).settings
    try:
        return model(**values)
    except ValidationError as error:
        first = error.errors()[0]
        field = ".".join(map(str, first["loc"]))
        if first["type"] == "extra_forbidden":
            near = difflib.get_close_matches(field, model.model_fields, n=1)
            hint = f", did you mean {near[0]!r}?" if near else ""
            names = ", ".join(model.model_fields) or "none"
            raise UsageError(f"--set {kind}.{field}: unknown setting{hint} (settings: {names})") from error
        raise UsageError(f"--set {kind}.{field}: {first['msg']}, not {first['input']!r}") from error
