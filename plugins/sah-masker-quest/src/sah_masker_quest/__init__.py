"""Quest: select pages of keys by an upper bound of their logits. Light: imports no torch."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field

from sah_core import MaskerConfig, Size, Tunable, hookimpl
from sah_core.plugins import RegisterMasker

__all__ = ["QuestConfig"]

SAH_API_VERSION = 1


class QuestConfig(MaskerConfig):
    """Keep the pages whose keys could have the largest logits (Tang et al. 2024, arXiv:2406.10774)."""

    kind: Literal["quest"] = "quest"
    budget: Annotated[Size, Tunable(0.005, 0.5, log=True)] = Field(
        default=0.1, description="keys a row gets, in addition to those that are certain; whole pages", examples=[0.4]
    )
    page_size: Annotated[int, Tunable(choices=(4, 8, 16, 32))] = Field(
        default=16, ge=1, description="keys in a page", examples=[3]
    )
    keep_last_page: bool = Field(
        default=True, description="always keep the newest page, as one of the budget's", examples=[False]
    )
    share_kv_group: bool = Field(
        default=False, description="one selection for all query heads of a KV head", examples=[True]
    )


@hookimpl
def sah_register_maskers(register: RegisterMasker) -> None:
    """Offer quest."""
    register(QuestConfig, "sah_masker_quest.masker:Quest")
