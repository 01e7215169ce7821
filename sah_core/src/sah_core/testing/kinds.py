"""With which configs a kind is checked when nobody says: its defaults, and every field's example."""

from __future__ import annotations

from typing import Any

from sah_core.errors import PluginError, UsageError
from sah_core.masker_config import MaskerConfig
from sah_core.plugins import Registry, default_registry

from .calibrations import calibrated

__all__ = ["configs_of"]


def configs_of(kind: str, registry: Registry | None = None) -> tuple[MaskerConfig, ...]:
    """The configs that a kind is checked with: the default one, and one with the first of each field's ``examples``.

    A field that names a calibration gets a tiny one; where it may do without, one more config does.
    Raises UnknownMaskerError for a kind nobody offers, UsageError for one with another required field.
    """
    registry = default_registry() if registry is None else registry
    config_class = registry.masker_config(kind)
    fields = {name: field for name, field in config_class.model_fields.items() if name != "kind"}
    folder = _calibration_field(kind, registry)
    required = [name for name, field in fields.items() if field.is_required() and name != folder]
    if required:
        raise UsageError(
            f"masker {kind!r} cannot be checked by name, as {' and '.join(required)} must be given: "
            f"from sah_core.testing import check_masker and call check_masker({config_class.__name__}(...))"
        )
    examples = {name: field.examples[0] for name, field in fields.items() if field.examples}
    variants: list[dict[str, Any]] = [{}, examples] if examples else [{}]
    if folder is None:
        return tuple(config_class(**variant) for variant in variants)
    needed = fields[folder].is_required()
    # Any name will do until there is a calibration to name.
    blank = {folder: "."} if needed else {}
    learned = [calibrated(config_class(**{**variant, **blank}), registry) for variant in variants]
    return tuple(learned) if needed else (*(config_class(**variant) for variant in variants), learned[0])


def _calibration_field(kind: str, registry: Registry) -> str | None:
    try:
        return registry.calibrator(kind).field
    except PluginError:
        return None
