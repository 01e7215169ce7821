"""What every calibrator's settings have in common. Light: imports no torch."""

from __future__ import annotations

from pydantic import BaseModel, ConfigDict

__all__ = ["CalibrationSettings"]


class CalibrationSettings(BaseModel):
    """How a calibrator learns; subclass it with fields that all have defaults, ``sah calibrate --set`` changes them."""

    model_config = ConfigDict(frozen=True, extra="forbid", strict=True, allow_inf_nan=False)
