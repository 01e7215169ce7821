"""Calibrate one masker: show its calibrator every attention call on every block, and store what it learned."""

from __future__ import annotations

import inspect
import time
from collections.abc import Callable
from importlib.metadata import version
from pathlib import Path
from typing import Any

import torch
from attrs import frozen

from sah_core import (
    AttentionInputs,
    CalibrationError,
    CalibrationSettings,
    Calibrator,
    MaskerConfig,
    default_registry,
    load_calibration,
)
from sah_core.calibration.folder import PROVENANCE, DataOrigin, ModelOrigin, Provenance, save_calibration
from sah_hf.models.fingerprint import model_fingerprint
from sah_hf.models.offloaded import computes_on
from sah_hf.modes.mode import opened
from sah_hf.modes.probe import routed_layers

from .interrupts import held_back
from .observing import ObservingMode
from .progress import Progress, ProgressFile
from .text import Blocks

__all__ = ["Advance", "Calibrated", "Calibrating"]

Advance = Callable[[int, dict[str, float]], None]
"""Told how many blocks have been read, and how well it goes."""

_SAVE_EVERY = 15.0  # seconds


@frozen
class Calibrated:
    """A finished calibration: where it is, where it comes from, and what this run did for it."""

    kind: str
    field: str
    folder: Path
    provenance: Provenance
    blocks_read: int
    seconds: float


@frozen(eq=False)
class Calibrating:
    """What is calibrated, and on what: one masker's config and settings, a model, its text, and a folder."""

    config: MaskerConfig
    settings: CalibrationSettings
    model: Any
    model_name: str
    blocks: Blocks
    passes: int
    folder: Path

    def run(self, advance: Advance = lambda blocks, measures: None) -> Calibrated:
        """Read all blocks, or those that an interrupted run has left, and write the calibration.

        A folder that holds this very calibration is left as it is. Raises CalibrationError where the folder holds
        another one; on Ctrl-C what was learned is saved before the interrupt goes on.
        """
        kind = self.config.kind
        offer = default_registry().calibrator(kind)
        start = time.monotonic()
        if (self.folder / PROVENANCE).exists():
            found = load_calibration(self.folder, kind).provenance
            self._check_same(found)
            return Calibrated(kind, offer.field, self.folder, found, 0, time.monotonic() - start)
        calibrator: Calibrator[Any, Any] = default_registry().calibrator_class(kind)(self.config, self.settings)
        progress = ProgressFile(self.folder, self._identity())
        saved = progress.read()
        done = 0
        if saved is not None:
            calibrator.restore(saved.state)
            done = saved.blocks
        self._learn(calibrator, done, progress, advance)
        provenance = save_calibration(self.folder, calibrator.result(), self._provenance(calibrator.measures()))
        progress.remove()
        return Calibrated(kind, offer.field, self.folder, provenance, self._total - done, time.monotonic() - start)

    @property
    def _total(self) -> int:
        return len(self.blocks.ids) * self.passes

    def _learn(self, calibrator: Calibrator[Any, Any], done: int, progress: ProgressFile, advance: Advance) -> None:
        """Show it the blocks after the first ``done``, saving its state now and then, and on Ctrl-C."""
        layers = routed_layers(self.model)

        def observe(inputs: AttentionInputs) -> None:
            if inputs.layer_idx in layers:
                calibrator.observe(inputs)

        saved_at = time.monotonic()
        advance(done, calibrator.measures())
        try:
            for number in range(done, self._total):
                # A state in the middle of a block could not be continued: some layers would learn from it twice.
                with held_back():
                    self._read(self.blocks.ids[number % len(self.blocks.ids)], observe)
                    done = number + 1
                advance(done, calibrator.measures())
                if time.monotonic() - saved_at > _SAVE_EVERY:
                    progress.write(Progress(done, calibrator.state()))
                    saved_at = time.monotonic()
        except KeyboardInterrupt:
            if done:
                progress.write(Progress(done, calibrator.state()))
            raise

    def _read(self, ids: tuple[int, ...], observe: Callable[[AttentionInputs], None]) -> None:
        tokens = torch.tensor([ids], device=computes_on(self.model.get_input_embeddings()))
        keywords: dict[str, Any] = {"logits_to_keep": 1} if _keeps_logits(self.model) else {}
        with torch.no_grad(), opened(ObservingMode(self.model, observe)):
            self.model(input_ids=tokens, attention_mask=torch.ones_like(tokens), use_cache=False, **keywords)

    def _identity(self) -> dict[str, Any]:
        """All that decides what is learned; the config's folder does not."""
        field = default_registry().calibrator(self.config.kind).field
        config = self.config.model_dump(mode="json")
        return {
            "kind": self.config.kind,
            "config": {name: value for name, value in config.items() if name != field},
            "settings": self.settings.model_dump(mode="json"),
            "model": model_fingerprint(self.model),
            "data": self.blocks.sha256,
            "block": self.blocks.block,
            "blocks": len(self.blocks.ids),
            "passes": self.passes,
        }

    def _provenance(self, measures: dict[str, float]) -> Provenance:
        shown: list[AttentionInputs] = []
        self._read(self.blocks.ids[0][:2], shown.append)
        registry, identity = default_registry(), self._identity()
        record = registry.masker_record(self.config.kind)
        return Provenance(
            kind=self.config.kind,
            config=identity["config"],
            settings=identity["settings"],
            model=ModelOrigin(
                name=self.model_name,
                fingerprint=identity["model"],
                layers=self.model.config.get_text_config().num_hidden_layers,
                query_heads=shown[0].queries.shape[1],
                kv_heads=shown[0].kv_heads,
                head_dim=shown[0].queries.shape[3],
            ),
            data=DataOrigin(
                file=Path(self.blocks.file).name,
                sha256=self.blocks.sha256,
                block=self.blocks.block,
                blocks=len(self.blocks.ids),
                passes=self.passes,
                tokens=self.blocks.tokens,
            ),
            versions={
                **{name: version(name) for name in ("sah-core", "sah-hf", "torch", "transformers")},
                record.distribution: record.version,
            },
            measures=measures,
        )

    def _check_same(self, found: Provenance) -> None:
        """The finished calibration in the folder is the one that is asked for."""
        asked = self._identity()
        there = {
            "kind": found.kind,
            "config": found.config,
            "settings": found.settings,
            "model": found.model.fingerprint,
            "data": found.data.sha256,
            "block": found.data.block,
            "blocks": found.data.blocks,
            "passes": found.data.passes,
        }
        for name, wanted in asked.items():
            if there[name] != wanted:
                raise CalibrationError(
                    f"{self.folder} holds a finished calibration with another {name} ({there[name]!r}, asked for: "
                    f"{wanted!r}): give another -o, or remove the folder"
                )


def _keeps_logits(model: Any) -> bool:
    return "logits_to_keep" in inspect.signature(model.forward).parameters
