"""`Plan`: the cells of a benchmark in the order of work, the rows that they ask, and what is learned beforehand."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from attrs import field, frozen

from sah_bench.config.bench import BenchConfig, ModelEntry
from sah_bench.config.contender import Contender
from sah_bench.config.sections import TimeoutConfig, WorkersConfig
from sah_bench.store.directory import FORMAT, ResultsDirectory
from sah_bench.tasks.row import Row, digest_of
from sah_bench.tasks.task import TaskConfig
from sah_core.errors import ConfigError, SahError
from sah_core.plugins import Registry, default_registry

from .attention import settled_attention
from .calibration import Calibration, documents_of
from .cell import Cell, Protocol
from .devices import device_kind, settled
from .model_files import files_digest
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


@frozen
class _Table:
    """The rows of one task at one length with one seed, and their digest."""

    task: TaskConfig
    length: int | None
    seed: int
    rows: Sequence[Row]
    digest: str


def make_plan(config: BenchConfig, directory: ResultsDirectory, registry: Registry | None = None) -> Plan:
    """Cross everything that the config lists; no weights are loaded, but files are read and rows are made.

    Raises ConfigError or UsageError, naming the task or the model, where something cannot be asked.
    """
    known = default_registry() if registry is None else registry
    workers = settled(config.workers)
    tables = list(_tables(config, known))
    _check_scorers(tables)
    cells: list[Cell] = []
    calibrations: list[Calibration] = []
    for model in config.models:
        facts = _model_facts(model, workers.devices[0], directory)
        calibration = _calibration(config, model, facts, known)
        if calibration is not None:
            calibrations.append(calibration)
        for table in tables:
            for contender in config.contenders:
                cells.extend(_cells(config, model, facts, table, contender, calibration, directory, known))
    return Plan(
        name=config.name or "benchmark",
        benchmark=config.model_dump(mode="json"),
        cells=tuple(cells),
        tables={table.digest: table.rows for table in tables},
        calibrations=tuple(calibrations),
        timeout=config.timeout,
        workers=workers,
    )


def _cells(
    config: BenchConfig,
    model: ModelEntry,
    facts: Mapping[str, Any],
    table: _Table,
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
            samples=len(table.rows),
            table=table.digest,
            scorer=table.task.scored_by,
            generation=config.generation,
            truncate=config.truncate,
            identity=identity,
            measure=config.measure,
            swept=dict(contender.swept),
            calibration=None if attention is None else attention.waits_for,
        )


def _tables(config: BenchConfig, registry: Registry) -> Iterator[_Table]:
    for task in config.tasks:
        for length in config.lengths if task.sized else (None,):
            made: _Table | None = None
            for seed in config.seeds:
                if made is None or task.seeded:
                    rows = _rows(task, length, seed, registry)
                    made = _Table(task, length, seed, rows, digest_of(rows))
                yield _Table(task, length, seed, made.rows, made.digest)


def _check_scorers(tables: Sequence[_Table]) -> None:
    """The same rows are one cell with one score, whatever their task is called."""
    first: dict[str, TaskConfig] = {}
    for table in tables:
        other = first.setdefault(table.digest, table.task)
        if other.scored_by != table.task.scored_by:
            raise ConfigError(
                f"tasks {other.label!r} and {table.task.label!r} ask the same rows, and score them with "
                f"{other.scored_by!r} and {table.task.scored_by!r}: leave one out, and run again with the other "
                "scorer, which asks nothing anew"
            )


def _rows(task: TaskConfig, length: int | None, seed: int, registry: Registry) -> Sequence[Row]:
    at = "" if length is None else f" at length {length}"
    try:
        rows: Sequence[Row] = registry.tasks.load(task.kind)(task).rows(length, seed)
    except SahError as error:
        raise type(error)(f"task {task.label!r}{at}: {error}") from error
    if not rows:
        raise ConfigError(f"task {task.label!r}{at} has no rows: there is nothing to ask")
    return rows


def _model_facts(model: ModelEntry, device: str, directory: ResultsDirectory) -> dict[str, Any]:
    """What the model is, wherever it lies and whatever it is called."""
    from sah_hf.models.loading import model_folder

    return {
        "files": files_digest(model_folder(model.config), directory.path / "files.json"),
        "dtype": model.dtype,
        "device": device_kind(device if model.device == "auto" else model.device),
    }


def _calibration(
    config: BenchConfig, model: ModelEntry, facts: Mapping[str, Any], registry: Registry
) -> Calibration | None:
    asked = config.calibration
    if asked is None:
        return None
    rows = [_rows(task, asked.length if task.sized else None, asked.seed, registry) for task in asked.tasks]
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
