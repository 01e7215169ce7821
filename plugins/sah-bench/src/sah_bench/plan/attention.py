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
    maskers: list[MaskerConfig] = []
    described: list[dict[str, Any]] = []
    waits_for = None
    for masker in config.maskers:
        field = registry.calibrator(masker.kind).field if masker.kind in registry.calibrated_kinds else None
        value = getattr(masker, field) if field else None
        identity = masker.model_dump(mode="json")
        if field and value == CALIBRATED and calibration is not None and folder is not None:
            waits_for = calibration.address
            identity[field] = {"learned": calibration.address}
            # Changed through JSON, so that the masker's own rules see the folder.
            masker = type(masker).model_validate_json(
                masker.model_copy(update={field: str(folder / masker.kind)}).model_dump_json()
            )
        elif field and isinstance(value, str) and (Path(value) / _PROVENANCE).is_file():
            identity[field] = {"calibration": read_json(Path(value) / _PROVENANCE)}
        elif field and isinstance(value, str) and _names_folder(type(masker), field, value):
            raise CalibrationError(
                f"{masker.kind}.{field}: there is no calibration in {value}: make one with sah calibrate"
            )
        maskers.append(masker)
        described.append(identity)
    settled = config.model_copy(update={"maskers": tuple(maskers), "seed": config.seed + seed})
    return Settled(settled, {**settled.model_dump(mode="json"), "maskers": described}, waits_for)


def _names_folder(config: type[MaskerConfig], field: str, value: str) -> bool:
    """Whether the field's value is a folder and not a word that the masker has for doing without one."""
    return bool(config.model_fields[field].get_default() != value)
