"""Workers as the command line says where they are, on top of a config."""

from __future__ import annotations

from collections.abc import Sequence

from sah_core.errors import UsageError

from .sections import WorkersConfig
from .where import Where

__all__ = ["placing"]


def placing(config: WorkersConfig, devices: Sequence[str], where: Where, address: str | None) -> WorkersConfig:
    """The same with these devices, if any, and this address of a Ray cluster, if one is given.

    Raises UsageError for an option that the other executor has.
    """
    if where is Where.local and address is not None:
        raise UsageError(f"--address {address} is a Ray cluster's: give --executor ray too, or leave it out")
    if where is Where.ray and devices:
        raise UsageError(
            f"--device {devices[0]} is for processes on this machine; on a Ray cluster, workers.ray says what a worker "
            "takes (gpus, cpus)"
        )
    changed = config if not devices else config.model_copy(update={"devices": tuple(devices)})
    if address is None:
        return changed
    return changed.model_copy(update={"ray": changed.ray.model_copy(update={"address": address})})
