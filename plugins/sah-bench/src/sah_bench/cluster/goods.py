"""`Goods`: what a worker that does not see the results directory is sent with a job."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from attrs import evolve, frozen

from sah_bench.executor.jobs import CellJob, Job
from sah_bench.executor.worker_process import calibrated
from sah_bench.store.directory import ResultsDirectory
from sah_bench.store.whole_files import write_whole
from sah_core.config import AttentionConfig
from sah_core.masker_config import MaskerConfig
from sah_core.plugins import default_registry

from .mirror import Change, Mirror, follow

if TYPE_CHECKING:
    from sah_core.plugins import Registry

__all__ = ["Goods", "Stock", "folder_of", "placed", "unpack"]


@frozen
class Goods:
    """Files of the results directory; those that many jobs need are references to objects that Ray keeps on a node."""

    directory: Path
    """Where the sender has them."""
    job: str
    """The job's folder, relative to the directory."""
    files: list[Change]
    """What there is of it."""
    table: tuple[str, Any] | None
    """The digest of a cell's rows, and a reference to the file that holds them."""
    calibration: tuple[str, Any] | None
    """The address of what its maskers learned, and a reference to these files."""


class Stock:
    """Packs goods from a results directory; what many jobs need is handed to Ray once."""

    def __init__(self, directory: ResultsDirectory) -> None:
        self._directory = directory
        self._put: dict[str, Any] = {}

    def goods(self, job: Job) -> Goods:
        """Of a job, whose lock the caller holds."""
        folder = folder_of(job, self._directory)
        table = calibration = None
        if isinstance(job, CellJob):
            digest, address = job.cell.table, job.cell.calibration
            table = (digest, self._kept(digest, lambda: self._directory.table(digest).read_bytes()))
            if address is not None:
                learned = self._directory.calibration(address)
                calibration = (address, self._kept(address, lambda: Mirror(learned).changes()))
        path = folder.relative_to(self._directory.path).as_posix()
        return Goods(self._directory.path.resolve(), path, Mirror(folder).changes(), table, calibration)

    def _kept(self, name: str, read: Any) -> Any:
        import ray

        if name not in self._put:
            self._put[name] = ray.put(read())
        return self._put[name]


def unpack(goods: Goods, directory: ResultsDirectory) -> None:
    """Put them into another directory, in place of what is there of the job."""
    import ray

    folder = directory.path / goods.job
    follow(folder, [Change(change.path, None) for change in Mirror(folder).changes()])
    follow(folder, goods.files)
    if goods.table is not None:
        digest, reference = goods.table
        if not directory.table(digest).exists():
            write_whole(directory.table(digest), ray.get(reference))
    if goods.calibration is not None:
        address, reference = goods.calibration
        if not calibrated(directory, address).exists():
            follow(directory.calibration(address), ray.get(reference))


def folder_of(job: Job, directory: ResultsDirectory) -> Path:
    """Where a job writes."""
    return directory.cell(job.address).path if isinstance(job, CellJob) else directory.calibration(job.address)


def placed(job: Job, there: Path, here: Path) -> Job:
    """The job with folders of what maskers learned, which lie in the directory ``there``, looked for in ``here``."""
    if not isinstance(job, CellJob) or job.cell.calibration is None or job.cell.attention is None:
        return job
    attention, registry = job.cell.attention, default_registry()
    overrides = tuple(
        override.model_copy(update={"maskers": _placed(override.maskers, there, here, registry)})
        for override in attention.overrides
    )
    changed: Mapping[str, Any] = {
        "maskers": _placed(attention.maskers, there, here, registry),
        "overrides": overrides,
    }
    moved: AttentionConfig = attention.model_copy(update=changed)
    return evolve(job, cell=evolve(job.cell, attention=moved))


def _placed(maskers: tuple[MaskerConfig, ...], there: Path, here: Path, registry: Registry) -> tuple[MaskerConfig, ...]:
    return tuple(_moved(masker, there, here, registry) for masker in maskers)


def _moved(masker: MaskerConfig, there: Path, here: Path, registry: Registry) -> MaskerConfig:
    if masker.kind not in registry.calibrated_kinds:
        return masker
    field = registry.calibrator(masker.kind).field
    folder = getattr(masker, field)
    if not isinstance(folder, str) or not Path(folder).is_relative_to(there):
        return masker
    return masker.model_copy(update={field: str(here / Path(folder).relative_to(there))})
