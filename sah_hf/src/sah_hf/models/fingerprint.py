"""Tell one model from another by its weights, whatever it is called and in whichever precision it was loaded."""

from __future__ import annotations

import hashlib
from typing import Any

import torch

from sah_core import CalibrationError, SparseAttention

from .offloaded import weight_values

__all__ = ["check_calibrations", "model_fingerprint"]

_VALUES = 64
"""How many values of each parameter are looked at, evenly spaced: any training changes nearly all of them."""


def model_fingerprint(model: Any) -> str:
    """16 hex digits of a hash over the names, shapes and some values of all parameters, the values in bfloat16."""
    digest = hashlib.sha256()
    for name, parameter in sorted(model.named_parameters()):
        flat = weight_values(model, name, parameter).reshape(-1)
        step = max(1, flat.numel() // _VALUES)
        values = flat[::step][:_VALUES].to(torch.bfloat16).float().cpu()
        digest.update(f"{name} {tuple(parameter.shape)} {values.tolist()}\n".encode())
    return digest.hexdigest()[:16]


def check_calibrations(attention: SparseAttention, model: Any) -> None:
    """Raise CalibrationError if a masker's calibration was made of another model than this."""
    fingerprint = None
    lists = {"attention.maskers": attention.maskers}
    lists |= {f"attention.overrides, layer {layer}, maskers": maskers for layer, maskers in attention.overrides.items()}
    for place, maskers in lists.items():
        for position, masker in enumerate(maskers):
            calibration = getattr(masker, "calibration", None)
            if calibration is None:
                continue
            fingerprint = model_fingerprint(model) if fingerprint is None else fingerprint
            made_of = calibration.provenance.model
            if made_of.fingerprint != fingerprint:
                raise CalibrationError(
                    f"{place}[{position}] ({masker.config.kind}): the calibration in {calibration.folder} "
                    f"was made of {made_of.name} (fingerprint {made_of.fingerprint}), and this model is another one "
                    f"({fingerprint}): run sah calibrate with it"
                )
