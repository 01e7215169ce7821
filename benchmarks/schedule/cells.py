"""Cells to schedule: a cross of models, tasks, lengths, seeds and attention, of which nothing is ever asked."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import product

import attrs

from benchmarks.scale.leaderboard import Table
from sah_bench.config.sections import TimeoutConfig, WorkersConfig
from sah_bench.plan.cell import Cell, address_of
from sah_bench.plan.plan import Plan
from sah_core.config import ModelConfig
from sah_core.config.options import Options

__all__ = ["crossed", "planned"]


def crossed(
    models: Sequence[str], tasks: Sequence[str], lengths: Sequence[int], samples: int, seeds: int = 1
) -> tuple[Table, ...]:
    """Every table, in the order of a plan."""
    points = product(models, tasks, lengths, range(seeds))
    return tuple(Table(model, task, length, samples, seed) for model, task, length, seed in points)


def planned(tables: Sequence[Table], attention: Sequence[str], most: int | None = None) -> Plan:
    """A plan that asks every table with every attention; its first ``most`` cells, or all."""
    return Plan(
        name="simulated",
        benchmark={},
        cells=tuple(_cells(tables, attention))[:most],
        tables={},
        calibrations=(),
        timeout=TimeoutConfig(),
        workers=WorkersConfig(devices=("cpu",), threads=1),
    )


def _cells(tables: Sequence[Table], attention: Sequence[str]) -> Iterator[Cell]:
    models = {table.model: ModelConfig(name=table.model) for table in tables}
    for table in tables:
        digest = address_of(attrs.asdict(table))
        for name in attention:
            yield Cell(
                model=models[table.model],
                attention_name=name,
                attention=None,
                protocol="question",
                task=table.task,
                length=table.length,
                seed=table.seed,
                samples=table.samples,
                table=digest,
                scorer="ruler_all",
                generation=Options(),
                truncate="refuse",
                identity={"table": digest, "attention": name},
            )
