"""On which devices workers run, and on how many threads each."""

from __future__ import annotations

import os

from sah_bench.config.sections import WorkersConfig
from sah_core.errors import ConfigError

__all__ = ["device_kind", "settled"]


def settled(workers: WorkersConfig) -> WorkersConfig:
    """The same with ``auto`` replaced by what this machine has: every accelerator, or one CPU with all its cores.

    Raises ConfigError for devices of more than one type: their answers may differ in the last bits.
    """
    devices = _found() if workers.devices == "auto" else workers.devices
    kinds = sorted({device.partition(":")[0] for device in devices})
    if len(kinds) > 1:
        raise ConfigError(f"workers.devices: devices of one type are expected, not of {' and '.join(kinds)}")
    threads = workers.threads
    if threads == "auto":
        threads = max(1, len(os.sched_getaffinity(0)) // len(devices)) if hasattr(os, "sched_getaffinity") else 1
    return workers.model_copy(update={"devices": tuple(devices), "threads": threads})


def device_kind(device: str) -> str:
    """What answers may depend on: cpu, or the accelerator's name; a device that is not there is named as it is."""
    import torch

    kind = device.partition(":")[0]
    try:
        return torch.cuda.get_device_name(device) if kind == "cuda" else kind
    except (RuntimeError, AssertionError):
        return kind


def _found() -> tuple[str, ...]:
    import torch

    if not torch.accelerator.is_available():
        return ("cpu",)
    kind = torch.accelerator.current_accelerator()
    return tuple(f"{kind}:{number}" for number in range(torch.accelerator.device_count()))
