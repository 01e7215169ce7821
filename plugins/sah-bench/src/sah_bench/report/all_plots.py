"""Every plot of a report as files: quality against its cost, and each metric at each granularity."""

from __future__ import annotations

from pathlib import Path

import pyarrow  # type: ignore[import-untyped]  # it has no types

from sah_bench.store.directory import ResultsDirectory

from .groups import grouped
from .measured import metrics_of
from .page_measured import measured_of
from .plots import Granularity, PlotGenerator, file_name, quality_plots, save
from .results import Results
from .slices import slices

__all__ = ["write_plots"]

TOGETHER = 9
"""How many configs one plot of a metric compares; more make several plots."""


def write_plots(directory: ResultsDirectory, results: Results, folder: Path) -> list[Path]:
    """Write every plot as PNG and SVG; those of measurements into a folder for each model, task, length, protocol."""
    written = [path for name, chart in quality_plots(results).items() for path in save(chart, folder, name)]
    for part in slices(grouped(results.cells)):
        names = [part.model, part.task, "" if part.length is None else str(part.length), part.protocol]
        inside = folder / "-".join(file_name(name) for name in names if name)
        measured = [
            table.append_column("attention", pyarrow.array([group.attention] * table.num_rows, pyarrow.string()))
            for group in part.groups
            if (table := measured_of(directory, group, [])) is not None
        ]
        for number in range(0, len(measured), TOGETHER):
            table = pyarrow.concat_tables(measured[number : number + TOGETHER])
            behind = f"-{number // TOGETHER + 1}" if len(measured) > TOGETHER else ""
            for metric in metrics_of(table):
                for granularity in Granularity:
                    chart = PlotGenerator(table).plot(metric, granularity)
                    written += save(chart, inside, f"{file_name(metric)}-{granularity.value}{behind}")
    return written
