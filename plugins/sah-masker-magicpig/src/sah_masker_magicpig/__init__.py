"""MagicPIG: sample the keys that collide with the query under locality-sensitive hashing. Light: imports no torch."""

from __future__ import annotations

from typing import Annotated, ClassVar, Literal, Self

from pydantic import Field, model_validator

from sah_core import MaskerConfig, Tunable, hookimpl
from sah_core.plugins import RegisterMasker

__all__ = ["MagicPigConfig"]

SAH_API_VERSION = 1


class MagicPigConfig(MaskerConfig):
    """Sample keys that collide with the query under LSH (Chen et al. 2024, arXiv:2410.16179)."""

    sampling: ClassVar[bool] = True
    by_content: ClassVar[bool] = True

    kind: Literal["magicpig"] = "magicpig"
    tables: Annotated[int, Tunable(8, 300, log=True)] = Field(
        default=150, ge=1, le=1024, description="hash tables (L)", examples=[12]
    )
    bits: Annotated[int, Tunable(4, 12)] = Field(
        default=10, ge=1, le=15, description="sign bits in a table's code (K)", examples=[3]
    )
    min_matches: Literal[1, 2] = Field(
        default=2, description="a key is drawn if its code equals the query's in at least so many tables", examples=[1]
    )
    center: bool = Field(
        default=True, description="hash keys less the context's mean key, which changes no attention weight"
    )

    @model_validator(mode="after")
    def _check_tables(self) -> Self:
        if self.tables < self.min_matches:
            raise ValueError(f"tables should be at least min_matches = {self.min_matches}, not {self.tables}")
        return self


@hookimpl
def sah_register_maskers(register: RegisterMasker) -> None:
    """Offer magicpig."""
    register(MagicPigConfig, "sah_masker_magicpig.masker:MagicPig")
