"""Oracle maskers: select by the exact logits, the best any selector could do. Light: imports no torch."""

from __future__ import annotations

from typing import Annotated, ClassVar, Literal

from pydantic import Field

from sah_core import MaskerConfig, Size, StrictFraction, Tunable, hookimpl
from sah_core.plugins import RegisterMasker

__all__ = ["OracleTopKConfig", "OracleTopPConfig"]

SAH_API_VERSION = 1


class OracleTopKConfig(MaskerConfig):
    """Keep the keys with the largest exact logits: what every top-k method approximates."""

    needs_logits: ClassVar[bool] = True
    by_content: ClassVar[bool] = True

    kind: Literal["oracle_top_k"] = "oracle_top_k"
    budget: Annotated[Size, Tunable(0.005, 0.5, log=True)] = Field(
        default=0.05, description="keys a row gets, in addition to those that are certain already", examples=[0.3]
    )
    share_kv_group: bool = Field(
        default=False, description="one selection for all query heads of a KV head", examples=[True]
    )


class OracleTopPConfig(MaskerConfig):
    """Keep the fewest keys that hold a given share of the attention mass, by the exact logits."""

    needs_logits: ClassVar[bool] = True
    by_content: ClassVar[bool] = True

    kind: Literal["oracle_top_p"] = "oracle_top_p"
    mass: Annotated[StrictFraction, Tunable(0.5, 0.99)] = Field(
        default=0.9, description="the share of attention mass to reach", examples=[0.5]
    )
    mass_reference: Literal["residual", "total"] = Field(
        default="residual",
        description="what the share is of: the mass of the keys not yet certain, or of all keys, certain ones counted",
        examples=["total"],
    )
    share_kv_group: bool = Field(
        default=False, description="one selection for all query heads of a KV head", examples=[True]
    )


@hookimpl
def sah_register_maskers(register: RegisterMasker) -> None:
    """Offer oracle_top_k and oracle_top_p."""
    register(OracleTopKConfig, "sah_masker_oracle.top_k:OracleTopK")
    register(OracleTopPConfig, "sah_masker_oracle.top_p:OracleTopP")
