"""Measurements of attention calls, put together: the mean of a metric and where 90 % of its values lie."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import pyarrow  # type: ignore[import-untyped]  # it has no types
from pyarrow import compute

__all__ = ["metrics_of", "summed_up"]

BINS = 200
"""How many steps are told apart at most; more are put together in equal parts."""


def metrics_of(measurements: pyarrow.Table) -> list[str]:
    """The metrics that were measured, sorted."""
    return sorted(str(name) for name in compute.unique(measurements["metric"]).to_pylist() if name is not None)


def summed_up(measurements: pyarrow.Table, metric: str, keys: Sequence[str]) -> list[dict[str, Any]]:
    """For each combination of ``keys``: these, ``mean``, ``low`` and ``high`` (5 % and 95 % of the values), ``count``.

    Keys are columns such as layer, head and step; rows are sorted by them. What is no number is left out. Percentiles
    lie between two values in proportion.
    """
    chosen = measurements.filter(
        compute.and_(compute.equal(measurements["metric"], metric), compute.is_finite(measurements["value"]))
    )
    if "step" in keys:
        chosen = _binned(chosen)
    chosen = chosen.select([*keys, "value"])
    chosen = chosen.sort_by([*((key, "ascending") for key in keys), ("value", "ascending")])
    groups = chosen.group_by(list(keys), use_threads=False).aggregate([("value", "mean"), ("value", "count")])
    counts = groups["value_count"].to_pylist()
    first = 0
    summed = []
    values = chosen["value"].combine_chunks() if chosen.num_rows else []
    for row, count in zip(groups.to_pylist(), counts, strict=True):
        part = {key: row[key] for key in keys}
        low, high = (_between(values, first, count, share) for share in (0.05, 0.95))
        summed.append({**part, "mean": row["value_mean"], "low": low, "high": high, "count": count})
        first += count
    return summed


def _between(values: Any, first: int, count: int, share: float) -> float:
    """The value below which this share of ``count`` sorted values lies, which begin at ``first``."""
    at = share * (count - 1)
    below = int(at)
    low = float(values[first + below].as_py())
    high = float(values[first + min(below + 1, count - 1)].as_py())
    return low + (at - below) * (high - low)


def _binned(measurements: pyarrow.Table) -> pyarrow.Table:
    last = compute.max(measurements["step"]).as_py()
    size = 1 if last is None else last // BINS + 1
    if size == 1:
        return measurements
    steps = measurements["step"]
    binned = compute.subtract(steps, compute.subtract(steps, compute.multiply(compute.divide(steps, size), size)))
    return measurements.set_column(measurements.schema.get_field_index("step"), "step", binned)
