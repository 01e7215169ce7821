"""The attention of a cell: with folders of what was learned, for a worker; with their content, for an address."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from attrs import frozen

from sah_bench.config.placeholders import CALIBRATED
from sah_bench.store.whole_files import read_json
from sah_core.config import AttentionConfig
from sah_core.errors import CalibrationError
from sah_core.masker_config import MaskerConfig
from sah_core.plugins import Registry

from .calibration import Calibration

__all__ = ["Settled", "settled_attention"]

_PROVENANCE = "calibration.json"


@frozen
class Settled:
    """An attention config that can be run, what it is as JSON, and the calibration that it waits for, if any."""

    config: AttentionConfig
    identity: dict[str, Any]
    waits_for: str | None


def settled_attention(
    config: AttentionConfig, seed: int, calibration: Calibration | None, folder: Path | None, registry: Registry
) -> Settled:
    """The config with ``seed`` added to its own and the benchmark's calibration in place of ``$calibrated``.

    In ``identity``, a folder is told by what it holds. Raises CalibrationError for a folder without a calibration.
    """
    learned = None if calibration is None or folder is None else (calibration, folder)
    lists = (config.maskers, *(override.maskers for override in config.overrides))
    maskers, *others = ([_settled(masker, learned, registry) for masker in each] for each in lists)
    overrides = tuple(
        override.model_copy(update={"maskers": tuple(masker.config for masker in other)})
        for override, other in zip(config.overrides, others, strict=True)
    )
    changed = {"maskers": tuple(masker.config for masker in maskers), "overrides": overrides}
    run = config.model_copy(update={**changed, "seed": config.seed + seed})
    identity = {**run.model_dump(mode="json"), "maskers": [masker.identity for masker in maskers]}
    for override, other in zip(identity["overrides"], others, strict=True):
        override["maskers"] = [masker.identity for masker in other]
    waits_for = [masker.waits_for for each in (maskers, *others) for masker in each if masker.waits_for is not None]
    return Settled(run, identity, waits_for[0] if waits_for else None)


@frozen
class _SettledMasker:
    """The same of one masker."""

    config: MaskerConfig
    identity: dict[str, Any]
    waits_for: str | None = None


def _settled(masker: MaskerConfig, learned: tuple[Calibration, Path] | None, registry: Registry) -> _SettledMasker:
    identity = masker.model_dump(mode="json")
    field = registry.calibrator(masker.kind).field if masker.kind in registry.calibrated_kinds else None
    value = getattr(masker, field) if field else None
    if field is None or not isinstance(value, str):
        return _SettledMasker(masker, identity)
    if value == CALIBRATED and learned is not None:
        calibration, folder = learned
        identity[field] = {"learned": calibration.address}
        # Changed through JSON, so that the masker's own rules see the folder.
        placed = masker.model_copy(update={field: str(folder / masker.kind)})
        return _SettledMasker(type(masker).model_validate_json(placed.model_dump_json()), identity, calibration.address)
    if (Path(value) / _PROVENANCE).is_file():
        identity[field] = {"calibration": read_json(Path(value) / _PROVENANCE)}
    elif _names_folder(type(masker), field, value):
        raise CalibrationError(
            f"{masker.kind}.{field}: there is no calibration in {value}: make one with sah calibrate"
        )
    return _SettledMasker(masker, identity)


def _names_folder(config: type[MaskerConfig], field: str, value: str) -> bool:
    """Whether the field's value is a folder and not a word that the masker has for doing without one."""
    return bool(config.model_fields[field].get_default() != value)
