"""Samplers: uniform random, and vAttention's verified sampling. Light: imports no torch."""

from __future__ import annotations

from typing import Annotated, ClassVar, Literal, Self

from pydantic import Field, model_validator

from sah_core import MaskerConfig, StrictFraction, Tunable, hookimpl
from sah_core.plugins import RegisterMasker

__all__ = ["RandomConfig", "VAttentionConfig"]

SAH_API_VERSION = 1

OpenFraction = Annotated[float, Field(gt=0.0, lt=1.0)]


class RandomConfig(MaskerConfig):
    """Draw keys uniformly at random: the baseline that every sampler has to beat."""

    sampling: ClassVar[bool] = True

    kind: Literal["random"] = "random"
    rate: Annotated[StrictFraction, Tunable(0.005, 0.5, log=True)] = Field(
        default=0.1, description="share of each row's residual keys to draw", examples=[0.5]
    )
    mode: Literal["without_replacement", "bernoulli"] = Field(
        default="without_replacement",
        description="draw exactly ceil(rate x residual) keys, or each key independently with this probability",
        examples=["bernoulli"],
    )
    share_kv_group: bool = Field(
        default=False, description="one draw for all query heads of a KV head", examples=[True]
    )


class VAttentionConfig(MaskerConfig):
    """Draw as many keys as an error bound asks for (vAttention, Desai et al. 2025, arXiv:2510.05688)."""

    sampling: ClassVar[bool] = True

    kind: Literal["vattention"] = "vattention"
    epsilon: Annotated[OpenFraction, Tunable(0.01, 0.5, log=True)] = Field(
        default=0.05, description="relative error to stay below", examples=[0.2]
    )
    delta: Annotated[OpenFraction, Tunable(0.01, 0.25, log=True)] = Field(
        default=0.05, description="probability with which it may be exceeded", examples=[0.1]
    )
    base_rate: Annotated[StrictFraction, Tunable(0.005, 0.2, log=True)] = Field(
        default=0.05, description="share of the residual that is read to estimate its spread", examples=[0.2]
    )
    target: Literal["denominator", "numerator", "sdpa"] = Field(
        default="denominator", description="what the error is of: a sum, or the attention output", examples=["sdpa"]
    )
    share_kv_group: bool = Field(
        default=False, description="one draw for all query heads of a KV head", examples=[True]
    )

    @model_validator(mode="after")
    def _check_delta(self) -> Self:
        if self.target != "denominator" and self.delta > 0.25:
            raise ValueError(
                f"delta should be at most 0.25 for target {self.target!r}, where the bound is of a vector's norm and "
                f"fails above it, not {self.delta}"
            )
        return self


@hookimpl
def sah_register_maskers(register: RegisterMasker) -> None:
    """Offer random and vattention."""
    register(RandomConfig, "sah_masker_sampling.random:Random")
    register(VAttentionConfig, "sah_masker_sampling.vattention:VAttention")
