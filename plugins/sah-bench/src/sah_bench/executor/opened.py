"""`opened`: workers on this machine, or on a Ray cluster."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from attrs import frozen

from sah_bench.config.sections import WorkersConfig
from sah_bench.config.where import Where
from sah_bench.store.directory import ResultsDirectory
from sah_core.errors import UsageError

from .local_workers import LocalWorkers
from .workers import Workers

__all__ = ["Opened", "opened"]


@frozen
class Opened:
    """Workers that are there, or will be when they have something to do."""

    workers: Workers
    kind: str
    """What their answers depend on: see `sah_bench.plan.devices.device_kind`."""
    places: int
    """How many cells they do at once, when all of them are there."""


@contextmanager
def opened(where: Where, config: WorkersConfig, directory: ResultsDirectory) -> Iterator[Opened]:
    """Workers for this directory until the block ends; raises UsageError where there can be none.

    Ray's address is the config's.
    """
    from sah_bench.plan.devices import device_kind, settled

    if where is Where.local:
        local = settled(config)
        with LocalWorkers(local, directory.path) as workers:
            yield Opened(workers, device_kind(local.devices[0]), len(local.devices))
        return
    try:
        from sah_bench.cluster.ray_workers import RayWorkers
    except ImportError as error:
        if error.name != "ray":
            raise
        raise UsageError('--executor ray needs Ray, which is not installed: pip install "sah-bench[ray]"') from error
    with RayWorkers.open(config, directory) as cluster:
        yield Opened(cluster, cluster.kind, cluster.places)
