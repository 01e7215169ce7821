"""How many workers a Ray cluster has room for."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import ray

from sah_bench.config.sections import RayConfig
from sah_core.errors import UsageError

__all__ = ["check_room"]


def check_room(config: RayConfig) -> int:
    """How many workers there are to be: as the config says, or as many as the nodes hold if nothing else runs on them.

    Raises UsageError where ``auto`` finds room for none; a number is taken as it is, as clusters may grow.
    """
    if config.workers != "auto":
        return config.workers
    needed = {"CPU": config.cpus, "GPU": config.gpus, "memory": (config.memory or 0.0) * 1e9}
    if config.accelerator is not None:
        needed[f"accelerator_type:{config.accelerator}"] = 0.001  # of 1, on nodes that have it
    asked = {name: amount for name, amount in needed.items() if amount > 0}
    if not asked:
        raise UsageError(
            "workers.ray: a worker that takes nothing finds room without end: say how many workers there are"
        )
    cluster: Any = ray  # which types in parts only
    nodes: list[Mapping[str, float]] = [node["Resources"] for node in cluster.nodes() if node["Alive"]]
    room = sum(min(int(node.get(name, 0.0) / amount + 1e-9) for name, amount in asked.items()) for node in nodes)
    if room < 1:
        wanted = ", ".join(f"{name} {amount:g}" for name, amount in asked.items())
        found = "; ".join(", ".join(f"{name} {node.get(name, 0.0):g}" for name in asked) for node in nodes)
        raise UsageError(
            f"no node of the Ray cluster has room for a worker: it takes {wanted}, and the nodes have {found}"
        )
    return room
