"""`Plan`: the cells of a benchmark in the order of work, the rows that they ask, and what is learned beforehand."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from attrs import field, frozen

from sah_bench.config.bench import BenchConfig, ModelEntry
from sah_bench.config.contender import Contender
from sah_bench.config.sections import TimeoutConfig, WorkersConfig
from sah_bench.store.directory import FORMAT, ResultsDirectory
from sah_bench.store.stored_tables import StoredTables
from sah_bench.tasks.row import Row, digest_of
from sah_core.plugins import Registry, default_registry

from .attention import settled_attention
from .calibration import Calibration, documents_of
from .cell import Cell, Protocol
from .devices import device_kind, settled
from .model_files import files_digest
from .tables import Table, Tables
from .versions import versions_of

__all__ = ["Plan", "make_plan"]


@frozen
class Plan:
    """All that is to be done; cells that share model and rows follow one another."""

    name: str
    benchmark: Mapping[str, Any] = field(repr=False)
    """The config, as JSON values."""
    cells: tuple[Cell, ...] = field(repr=False)
    tables: Mapping[str, Sequence[Row]] = field(repr=False)
    """Rows by their digest."""
    calibrations: tuple[Calibration, ...]
    timeout: TimeoutConfig
    workers: WorkersConfig
    """Its devices and threads are settled."""

    def to_dict(self) -> dict[str, Any]:
        """What ``plan.json`` holds."""
        return {
            "name": self.name,
            "benchmark": dict(self.benchmark),
            "cells": [cell.to_dict() for cell in self.cells],
        }


def make_plan(
    config: BenchConfig, directory: ResultsDirectory, registry: Registry | None = None, kind: str | None = None
) -> Plan:
    """Cross everything that the config lists; no weights are loaded, but files are read, and rows are made and kept.

    ``kind`` is what the workers run on, as `device_kind` tells it; by default, the first device of this machine.
    Raises ConfigError or UsageError, naming the task or the model, where something cannot be asked.
    """
    known = default_registry() if registry is None else registry
    workers = settled(config.workers)
    stored = StoredTables(directory)
    tables = Tables(config, stored, known)
    cells: list[Cell] = []
    calibrations: list[Calibration] = []
    for model in config.models:
        asked = list(tables.of(model))
        facts = _model_facts(model, kind or device_kind(workers.devices[0]), directory)
        calibration = _calibration(config, model, facts, tables, known)
        if calibration is not None:
            calibrations.append(calibration)
        for table in asked:
            for contender in config.contenders:
                cells.extend(_cells(config, model, facts, table, contender, calibration, directory, known))
    return Plan(
        name=config.name or "benchmark",
        benchmark=config.model_dump(mode="json"),
        cells=tuple(cells),
        tables=stored,
        calibrations=tuple(calibrations),
        timeout=config.timeout,
        workers=workers,
    )


def _cells(
    config: BenchConfig,
    model: ModelEntry,
    facts: Mapping[str, Any],
    table: Table,
    contender: Contender,
    calibration: Calibration | None,
    directory: ResultsDirectory,
    registry: Registry,
) -> Iterator[Cell]:
    """One cell for each protocol, and a single one for dense attention, which knows none."""
    attention = None
    if contender.attention is not None:
        folder = None if calibration is None else directory.calibration(calibration.address).resolve()
        attention = settled_attention(contender.attention, table.seed, calibration, folder, registry)
    protocols: tuple[Protocol, ...] = ("dense",) if attention is None else config.protocols
    for protocol in protocols:
        identity = {
            "format": FORMAT,
            "model": dict(facts),
            "attention": None if attention is None else attention.identity,
            "protocol": protocol,
            "generation": dict(config.generation),
            "truncate": config.truncate,
            "table": table.digest,
            "measure": None if config.measure is None else config.measure.model_dump(mode="json"),
            "versions": versions_of(contender.attention, registry),
        }
        if config.generation.get("do_sample"):
            identity["seed"] = table.seed
        yield Cell(
            model=model.config,
            called=model.called,
            attention_name=contender.name,
            attention=None if attention is None else attention.config,
            protocol=protocol,
            task=table.task.label,
            length=table.length,
            seed=table.seed,
            samples=table.samples,
            table=table.digest,
            scorer=table.task.scored_by,
            generation=config.generation,
            truncate=config.truncate,
            identity=identity,
            measure=config.measure,
            swept=dict(contender.swept),
            calibration=None if attention is None else attention.waits_for,
        )


def _model_facts(model: ModelEntry, kind: str, directory: ResultsDirectory) -> dict[str, Any]:
    """What the model is, wherever it lies and whatever it is called."""
    from sah_hf.models.loading import model_folder

    return {
        "files": files_digest(model_folder(model.config), directory.path / "files.json"),
        "dtype": model.dtype,
        "device": kind if model.device == "auto" else device_kind(model.device),
    }


def _calibration(
    config: BenchConfig, model: ModelEntry, facts: Mapping[str, Any], tables: Tables, registry: Registry
) -> Calibration | None:
    asked = config.calibration
    if asked is None:
        return None
    rows = tables.learned_from(model)
    maskers = []
    for masker in asked.maskers:
        field_name = registry.calibrator(masker.kind).field
        maskers.append({name: v for name, v in masker.model_dump(mode="json").items() if name != field_name})
    records = [registry.masker_record(masker.kind) for masker in asked.maskers]
    versions = versions_of(None, registry) | {record.distribution: record.version for record in records}
    return Calibration(
        model=model.config,
        maskers=asked.maskers,
        documents=tuple(documents_of(rows)),
        block=asked.block,
        passes=asked.passes,
        identity={
            "format": FORMAT,
            "model": dict(facts),
            "maskers": maskers,
            "rows": [digest_of(table) for table in rows],
            "block": asked.block,
            "passes": asked.passes,
            "versions": versions,
        },
    )
