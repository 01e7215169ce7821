"""A registry with one tiny plugin, so that configs are tested without any other distribution."""

from __future__ import annotations

import sys
from importlib.metadata import EntryPoint
from types import SimpleNamespace
from typing import ClassVar, Literal

import pytest
from pydantic import Field

from sah_core import MaskerConfig, Registry, Size, StrictFraction, hookimpl
from sah_core.plugins import RegisterMasker


class WindowConfig(MaskerConfig):
    """A count with a plain bound."""

    kind: Literal["window"] = "window"
    window: int = Field(default=64, gt=0)


class BudgetConfig(MaskerConfig):
    """Every type of field that the maskers of this project have."""

    kind: Literal["budget"] = "budget"
    budget: Size = 0.1
    mass: StrictFraction = 0.9
    share: bool = False
    mode: Literal["exact", "fast"] = "exact"
    levels: tuple[int, ...] = ()


class FolderConfig(MaskerConfig):
    """A masker with a field that must be given."""

    kind: Literal["folder"] = "folder"
    weights: str = Field(description="a calibration folder")


class SamplerConfig(MaskerConfig):
    """A sampler."""

    sampling: ClassVar[bool] = True
    kind: Literal["sampler"] = "sampler"


class OracleConfig(MaskerConfig):
    """A masker that reads the exact logits of all keys."""

    needs_logits: ClassVar[bool] = True
    kind: Literal["oracle"] = "oracle"


class RefinerConfig(MaskerConfig):
    """A masker that may take keys away."""

    refines: ClassVar[bool] = True
    kind: Literal["refiner"] = "refiner"


@hookimpl
def sah_register_maskers(register: RegisterMasker) -> None:
    """Offer all of them."""
    for config in (WindowConfig, BudgetConfig, FolderConfig, SamplerConfig, OracleConfig, RefinerConfig):
        register(config, "nowhere:Masker")


plugin = SimpleNamespace(SAH_API_VERSION=1, sah_register_maskers=sah_register_maskers)


@pytest.fixture(scope="session")
def registry() -> Registry:
    """A registry that knows window, budget, folder, sampler, oracle and refiner, and nothing that may be installed."""
    assert sys.modules[__name__].plugin is plugin
    registry = Registry([EntryPoint(name="tiny", value=f"{__name__}:plugin", group="sah")], environ={})
    assert len(registry.kinds) == 6, registry.records
    return registry
