"""What a calibration has learned so far, on disk, so that it can go on after an interruption."""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from attrs import frozen
from safetensors import SafetensorError, safe_open
from safetensors.torch import save_file
from torch import Tensor

__all__ = ["Progress", "ProgressFile"]

NAME = "progress.safetensors"


@frozen(eq=False)
class Progress:
    """A calibrator's state after so many blocks."""

    blocks: int
    state: dict[str, Tensor]


class ProgressFile:
    """The progress of one calibration in its folder; ``identity`` is all that decides what would be learned.

    A file of another identity, or a damaged one, is no progress.
    """

    def __init__(self, folder: Path, identity: Mapping[str, Any]) -> None:
        self.path = folder / NAME
        self._identity = hashlib.sha256(json.dumps(identity, sort_keys=True).encode()).hexdigest()

    def read(self) -> Progress | None:
        """What was saved last for this identity, or None."""
        try:
            with safe_open(self.path, framework="pt") as file:
                said = file.metadata() or {}
                if said.get("identity") != self._identity:
                    return None
                return Progress(int(said["blocks"]), {name: file.get_tensor(name) for name in file.keys()})  # noqa: SIM118 - a handle, no mapping
        except (OSError, SafetensorError):
            return None

    def write(self, progress: Progress) -> None:
        """Replace what was saved, whole or not at all."""
        self.path.parent.mkdir(parents=True, exist_ok=True)
        partial = self.path.with_suffix(".partial")
        save_file(progress.state, partial, {"identity": self._identity, "blocks": str(progress.blocks)})
        os.replace(partial, self.path)

    def remove(self) -> None:
        """Forget it: the calibration is finished."""
        self.path.unlink(missing_ok=True)
