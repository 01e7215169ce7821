"""A calibration on disk: tensors as safetensors, and beside them a JSON file of where they come from."""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Literal

from attrs import field, frozen
from pydantic import BaseModel, ConfigDict, ValidationError
from safetensors import SafetensorError
from safetensors.torch import load_file, save_file
from torch import Tensor

from sah_core.errors import CalibrationError

__all__ = ["Calibration", "DataOrigin", "ModelOrigin", "Provenance", "load_calibration", "save_calibration"]

TENSORS = "calibration.safetensors"
PROVENANCE = "calibration.json"


class _Record(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid", strict=True)


class ModelOrigin(_Record):
    """The model that was observed. ``fingerprint`` tells it from any other, whatever it is called."""

    name: str
    fingerprint: str
    layers: int
    query_heads: int
    kv_heads: int
    head_dim: int


class DataOrigin(_Record):
    """The text that it read: the file's name and SHA-256, in blocks of at most ``block`` tokens, ``passes`` times."""

    file: str
    sha256: str
    block: int
    blocks: int
    passes: int
    tokens: int


class Provenance(_Record):
    """Where a calibration comes from: everything that it takes to make it again."""

    version: Literal[1] = 1
    kind: str
    config: dict[str, Any]
    settings: dict[str, Any]
    model: ModelOrigin
    data: DataOrigin
    versions: dict[str, str]
    measures: dict[str, float]
    sha256: str = ""
    """Of the file of tensors; filled in when it is saved."""


@frozen(eq=False)
class Calibration:
    """What was learned of a model, layer by layer, and where it comes from."""

    folder: str
    provenance: Provenance
    tensors: dict[str, dict[int, Tensor]] = field(repr=False)

    def of_layer(self, name: str, layer: int, shape: tuple[int, ...]) -> Tensor:
        """The tensor of this name for one layer; raises CalibrationError if it is not there, or has another shape."""
        layers = self.tensors.get(name, {})
        model = self.provenance.model
        if layer not in layers:
            raise CalibrationError(
                f"the calibration in {self.folder} has no {name} for layer {layer}: it was made of {model.name}, which "
                f"has {model.layers} layers; run sah calibrate with the model in use"
            )
        found = layers[layer]
        if tuple(found.shape) != shape:
            raise CalibrationError(
                f"the calibration in {self.folder} has {name} of shape {tuple(found.shape)} for layer {layer}, and "
                f"this model and config need {shape}: it was made of {model.name} ({model.query_heads} query heads, "
                f"{model.kv_heads} KV heads, head dimension {model.head_dim}) with "
                f"{_described(self.provenance.config)}; run sah calibrate again"
            )
        return found


def load_calibration(folder: str | Path, kind: str) -> Calibration:
    """The calibration of a masker of this kind that a folder holds.

    Raises CalibrationError where there is none, it is another masker's, or it was damaged.
    """
    place = Path(folder)
    try:
        provenance = Provenance.model_validate_json((place / PROVENANCE).read_bytes())
    except OSError as error:
        raise CalibrationError(
            f"{kind}: there is no calibration in {str(folder)!r} ({PROVENANCE}: {error.strerror}); "
            "make one with  sah calibrate CONFIG --data FILE -o FOLDER  and name the folder that it prints"
        ) from error
    except ValidationError as error:
        raise CalibrationError(f"{place / PROVENANCE}: not the provenance of a calibration: {_first(error)}") from error
    if provenance.kind != kind:
        raise CalibrationError(f"{str(folder)!r} holds a calibration of {provenance.kind!r}, not of {kind!r}")
    try:
        data = (place / TENSORS).read_bytes()
        if hashlib.sha256(data).hexdigest() != provenance.sha256:
            raise CalibrationError(f"{place / TENSORS} is not the file that {PROVENANCE} describes: calibrate again")
        tensors = load_file(place / TENSORS)
    except (OSError, SafetensorError) as error:
        raise CalibrationError(f"{place / TENSORS}: cannot be read: {error}") from error
    return Calibration(str(folder), provenance, _by_layer(tensors))


def save_calibration(
    folder: str | Path, tensors: Mapping[str, Mapping[int, Tensor]], provenance: Provenance
) -> Provenance:
    """Write a calibration, the provenance last, each file whole or not at all; returns what was written of it."""
    place = Path(folder)
    place.mkdir(parents=True, exist_ok=True)
    named = {
        f"layers.{layer}.{name}": tensor.detach().cpu().contiguous()
        for name, layers in tensors.items()
        for layer, tensor in layers.items()
    }
    partial = place / f"{TENSORS}.partial"
    save_file(named, partial)
    written = provenance.model_copy(update={"sha256": hashlib.sha256(partial.read_bytes()).hexdigest()})
    os.replace(partial, place / TENSORS)
    partial = place / f"{PROVENANCE}.partial"
    partial.write_text(json.dumps(written.model_dump(mode="json"), indent=2) + "\n", encoding="utf-8")
    os.replace(partial, place / PROVENANCE)
    return written


def _by_layer(tensors: Mapping[str, Tensor]) -> dict[str, dict[int, Tensor]]:
    found: dict[str, dict[int, Tensor]] = {}
    for full_name, tensor in tensors.items():
        _, layer, name = full_name.split(".", 2)
        found.setdefault(name, {})[int(layer)] = tensor
    return found


def _described(config: Mapping[str, Any]) -> str:
    return ", ".join(f"{name} {value!r}" for name, value in config.items() if name != "kind")


def _first(error: ValidationError) -> str:
    first = error.errors()[0]
    return f"{'.'.join(map(str, first['loc']))}: {first['msg']}"
