"""Double Sparsity: select keys by a few heavy channels. Light: imports no torch."""

from __future__ import annotations

from typing import Annotated, ClassVar, Literal

from pydantic import Field

from sah_core import MaskerConfig, Size, Tunable, hookimpl
from sah_core.calibration.settings import CalibrationSettings
from sah_core.plugins import RegisterCalibrator, RegisterMasker

__all__ = ["DoubleSparsityConfig", "DoubleSparsitySettings"]

SAH_API_VERSION = 1


class DoubleSparsityConfig(MaskerConfig):
    """Keep the keys with the largest logits over a few heavy channels (Yang et al. 2024, arXiv:2408.07092)."""

    by_content: ClassVar[bool] = True

    kind: Literal["double_sparsity"] = "double_sparsity"
    budget: Annotated[Size, Tunable(16, 1024, log=True)] = Field(
        default=256, description="keys a row gets, in addition to those that are certain already", examples=[0.3]
    )
    group_factor: Annotated[int, Tunable(choices=(2, 4, 8, 16))] = Field(
        default=8, ge=1, description="one channel in so many is read; divides the head dimension", examples=[4]
    )
    label_bits: Annotated[int, Tunable(choices=(2, 4, 8, 16))] = Field(
        default=4, ge=1, le=16, description="bits of a stored channel; 16 stores it unquantised", examples=[16]
    )
    channels: str = Field(
        default="online",
        min_length=1,
        description="a calibration folder, or online: for each query the channels where it is largest",
    )
    share_kv_group: bool = Field(
        default=False, description="one selection for all query heads of a KV head", examples=[True]
    )


class DoubleSparsitySettings(CalibrationSettings):
    """Nothing to set: the statistic is the mean of |q_c k_c| over all tokens."""


@hookimpl
def sah_register_maskers(register: RegisterMasker) -> None:
    """Offer double_sparsity."""
    register(DoubleSparsityConfig, "sah_masker_double_sparsity.masker:DoubleSparsity")


@hookimpl
def sah_register_calibrators(register: RegisterCalibrator) -> None:
    """Offer what finds the heavy channels."""
    register(
        DoubleSparsityConfig,
        DoubleSparsitySettings,
        "sah_masker_double_sparsity.calibrator:ChannelCalibrator",
        field="channels",
    )
