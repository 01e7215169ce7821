"""What the numbers were measured on."""

from __future__ import annotations

import os
import platform
from importlib.metadata import version
from pathlib import Path

import torch

from sah_core.compiled.available import compiles

__all__ = ["machine", "versions"]

_OURS = ("core", "hf", "masker-window", "masker-sampling", "masker-magicpig", "masker-quest", "masker-double-sparsity")
_MORE = ("masker-hashattention", "masker-pqcache")
_CACHES = Path("/sys/devices/system/cpu/cpu0/cache")


def machine() -> dict[str, str]:
    """The processor, its caches, memory and system; never a name of the machine itself."""
    found = {
        "processor": _processor(),
        "cores": str(os.cpu_count()),
        "caches": _caches(),
        "memory": _memory(),
        "system": f"{platform.system()} {platform.machine()}",
        "vector instructions": torch.backends.cpu.get_cpu_capability(),
    }
    return {name: value for name, value in found.items() if value}


def versions() -> dict[str, str]:
    """Of Python, this library and what it stands on; of numba where loops are compiled."""
    names = [*(f"sah-{name}" for name in (*_OURS, *_MORE)), "torch", *(["numba"] if compiles() else []), "transformers"]
    return {"python": platform.python_version(), **{name: version(name) for name in names}}


def _processor() -> str:
    info = Path("/proc/cpuinfo")
    lines = info.read_text(encoding="utf-8").splitlines() if info.exists() else []
    models = [line.partition(":")[2].strip() for line in lines if line.startswith("model name")]
    return models[0] if models else platform.processor()


def _caches() -> str:
    """The data caches' sizes, from the smallest on."""
    found = []
    for cache in sorted(_CACHES.glob("index*")):
        kind = (cache / "type").read_text(encoding="utf-8").strip()
        if kind != "Instruction":
            level, size = ((cache / name).read_text(encoding="utf-8").strip() for name in ("level", "size"))
            found.append(f"L{level} {size}")
    return ", ".join(found)


def _memory() -> str:
    if "SC_PHYS_PAGES" not in os.sysconf_names:
        return ""
    return f"{os.sysconf('SC_PHYS_PAGES') * os.sysconf('SC_PAGE_SIZE') / 2**30:.0f} GiB"
