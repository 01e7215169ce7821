"""HashAttention: select keys by learned bit signatures. Light: imports no torch."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field

from sah_core import MaskerConfig, NotTunable, Size, StrictFraction, Tunable, hookimpl
from sah_core.calibration.settings import CalibrationSettings
from sah_core.plugins import RegisterCalibrator, RegisterMasker

__all__ = ["HashAttentionConfig", "HashAttentionSettings"]

SAH_API_VERSION = 1


class HashAttentionConfig(MaskerConfig):
    """Keep the keys whose learned signature is nearest to the query's (Desai et al. 2024, arXiv:2412.14468)."""

    kind: Literal["hashattention"] = "hashattention"
    budget: Annotated[Size, Tunable(0.005, 0.5, log=True)] = Field(
        default=0.1, description="keys a row gets, in addition to those that are certain already", examples=[0.3]
    )
    bits: Annotated[int, NotTunable()] = Field(default=32, ge=1, le=64, description="of a signature", examples=[11])
    weights: str = Field(min_length=1, description="the calibration folder that holds the signature networks")
    share_kv_group: bool = Field(
        default=False, description="one selection for all query heads of a KV head", examples=[True]
    )


class HashAttentionSettings(CalibrationSettings):
    """How the signature networks are trained (defaults: the authors')."""

    hidden: int = Field(default=128, ge=1, description="width of the hidden layers")
    depth: int = Field(default=3, ge=1, le=4, description="linear layers of a network")
    top: int = Field(default=32, ge=1, description="keys with the largest logits that each query should find")
    learning_rate: StrictFraction = Field(default=0.001, description="of Adam")
    positive_weight: float = Field(default=20.0, gt=0.0, description="of a key that should be found, in the loss")
    seed: int = Field(default=0, ge=0, description="of the initial weights")


@hookimpl
def sah_register_maskers(register: RegisterMasker) -> None:
    """Offer hashattention."""
    register(HashAttentionConfig, "sah_masker_hashattention.masker:HashAttention")


@hookimpl
def sah_register_calibrators(register: RegisterCalibrator) -> None:
    """Offer what trains the signature networks."""
    register(
        HashAttentionConfig,
        HashAttentionSettings,
        "sah_masker_hashattention.calibrator:SignatureCalibrator",
        field="weights",
    )
