"""What of a cell could not be measured."""

from __future__ import annotations

from sah_bench.store.cell_files import CellFiles

__all__ = ["unmeasured"]


def unmeasured(files: CellFiles) -> list[str]:
    """A sentence for each metric that failed, with how many samples lack it; also long after it happened."""
    said: dict[str, dict[int, str]] = {}
    for line in files.metric_failures.read().values:
        said.setdefault(line["metric"], {}).setdefault(line["sample"], line["said"])
    return [f"{len(samples)} of its samples lack a metric: {samples[min(samples)]}" for samples in said.values()]
