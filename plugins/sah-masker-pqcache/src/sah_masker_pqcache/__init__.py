"""PQCache: select keys by logits estimated from product-quantised keys. Light: imports no torch."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field

from sah_core import MaskerConfig, NotTunable, Size, Tunable, hookimpl
from sah_core.plugins import RegisterMasker

__all__ = ["PQCacheConfig"]

SAH_API_VERSION = 1


class PQCacheConfig(MaskerConfig):
    """Keep the keys with the largest logits under product quantisation (Zhang et al. 2024, arXiv:2407.12820)."""

    kind: Literal["pqcache"] = "pqcache"
    budget: Annotated[Size, Tunable(0.005, 0.5, log=True)] = Field(
        default=0.1, description="keys a row gets, in addition to those that are certain already", examples=[0.3]
    )
    subvectors: Annotated[int, Tunable(choices=(1, 2, 4, 8))] = Field(
        default=2, ge=1, description="parts that a key is cut into (M)", examples=[4]
    )
    bits: Annotated[int, Tunable(3, 8)] = Field(
        default=6, ge=1, le=8, description="of a part's code: 2 ** bits centroids a part", examples=[2]
    )
    iterations: Annotated[int, NotTunable()] = Field(default=10, ge=1, description="of k-means, at most", examples=[3])
    metric: Literal["euclidean", "inner_product"] = Field(
        default="euclidean", description="what the centroids are fitted for", examples=["inner_product"]
    )
    share_kv_group: bool = Field(
        default=True, description="one selection for all query heads of a KV head", examples=[False]
    )


@hookimpl
def sah_register_maskers(register: RegisterMasker) -> None:
    """Offer pqcache."""
    register(PQCacheConfig, "sah_masker_pqcache.masker:PQCache")
