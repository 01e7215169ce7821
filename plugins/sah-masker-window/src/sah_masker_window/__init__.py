"""Positional maskers: the attention sink, a local window, and every visible key. Light: imports no torch."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field

from sah_core import MaskerConfig, Size, Tunable, hookimpl
from sah_core.plugins import RegisterMasker

__all__ = ["CausalConfig", "LocalConfig", "SinkConfig"]

SAH_API_VERSION = 1


class SinkConfig(MaskerConfig):
    """Keep the first keys of the sequence, the attention sink (Xiao et al. 2024, arXiv:2309.17453)."""

    kind: Literal["sink"] = "sink"
    size: Annotated[Size, Tunable(1, 16)] = Field(
        default=4, description="the first keys of the sequence, left padding not counted", examples=[3]
    )


class LocalConfig(MaskerConfig):
    """Keep the most recent keys, the query's own included."""

    kind: Literal["local"] = "local"
    window: Annotated[Size, Tunable(4, 128, log=True)] = Field(
        default=64, description="the last visible keys up to the query, the query's own included", examples=[5]
    )


class CausalConfig(MaskerConfig):
    """Keep every key that the query may see: dense attention, as a masker."""

    kind: Literal["causal"] = "causal"


@hookimpl
def sah_register_maskers(register: RegisterMasker) -> None:
    """Offer sink, local and causal."""
    register(SinkConfig, "sah_masker_window.sink:Sink")
    register(LocalConfig, "sah_masker_window.local:Local")
    register(CausalConfig, "sah_masker_window.causal:Causal")
