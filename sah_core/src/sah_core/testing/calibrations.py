"""Calibrations for maskers that need one: which model a config's was made of, and a tiny one made here."""

from __future__ import annotations

import atexit
import shutil
import tempfile
from functools import cache
from pathlib import Path

import torch

from sah_core.calibration.calibrator import Calibrator
from sah_core.calibration.folder import (
    PROVENANCE,
    DataOrigin,
    ModelOrigin,
    Provenance,
    load_calibration,
    save_calibration,
)
from sah_core.calibration.settings import CalibrationSettings
from sah_core.inputs import AttentionInputs
from sah_core.masker_config import MaskerConfig
from sah_core.plugins import Registry
from sah_core.randomness import generator

__all__ = ["calibrated", "calibrated_model", "calibration_folder"]

TINY = ModelOrigin(name="random tensors", fingerprint="none", layers=3, query_heads=4, kv_heads=2, head_dim=8)
BLOCKS, TOKENS = 2, 48


def calibration_folder(config: MaskerConfig) -> Path | None:
    """The folder with a calibration that one of the config's fields names, if any does."""
    for value in config.model_dump(exclude={"kind"}).values():
        if isinstance(value, str) and (Path(value) / PROVENANCE).is_file():
            return Path(value)
    return None


def calibrated_model(config: MaskerConfig) -> ModelOrigin | None:
    """The model that the config's calibration was made of; None for a config without one."""
    folder = calibration_folder(config)
    return None if folder is None else load_calibration(folder, config.kind).provenance.model


def calibrated(config: MaskerConfig, registry: Registry) -> MaskerConfig:
    """The config with a tiny calibration, made with the kind's own calibrator on random tensors.

    It has 3 layers, 4 query heads, 2 KV heads and head dimension 8, and is there until the process ends.
    """
    offer = registry.calibrator(config.kind)
    settings = offer.settings()
    calibrator: Calibrator[MaskerConfig, CalibrationSettings] = registry.calibrator_class(config.kind)(config, settings)
    for block in range(BLOCKS):
        for layer in range(TINY.layers):
            calibrator.observe(_block(block, layer))
    folder = _scratch() / f"{config.kind}-{len(list(_scratch().iterdir()))}"
    provenance = Provenance(
        kind=config.kind,
        config=config.model_dump(mode="json"),
        settings=settings.model_dump(mode="json"),
        model=TINY,
        data=DataOrigin(file="none", sha256="", block=TOKENS, blocks=BLOCKS, passes=1, tokens=BLOCKS * TOKENS),
        versions={},
        measures={},
    )
    save_calibration(folder, calibrator.result(), provenance)
    return type(config).model_validate({**config.model_dump(), offer.field: str(folder)})


def _block(block: int, layer: int) -> AttentionInputs:
    random = generator("conformance", block, layer)
    heads = (TINY.query_heads, TINY.kv_heads, TINY.kv_heads)
    queries, keys, values = (torch.randn((1, h, TOKENS, TINY.head_dim), generator=random, device="cpu") for h in heads)
    causal = torch.ones((1, 1, TOKENS, TOKENS), dtype=torch.bool, device="cpu").tril()
    return AttentionInputs(queries, keys, values, causal, layer_idx=layer)


@cache
def _scratch() -> Path:
    folder = Path(tempfile.mkdtemp(prefix="sah-conformance-"))
    atexit.register(shutil.rmtree, folder, ignore_errors=True)
    return folder
