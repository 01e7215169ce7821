"""Measurements of attention calls, put together: the mean of a metric and where 90 % of its values lie."""

from __future__ import annotations

import math
from collections.abc import Sequence
from itertools import accumulate
from typing import Any

import pyarrow  # type: ignore[import-untyped]  # it has no types
from pyarrow import compute

__all__ = ["metrics_of", "summed_up"]

BINS = 200
"""How many steps are told apart at most; more are put together in equal parts."""


def metrics_of(measurements: pyarrow.Table) -> list[str]:
    """The metrics that were measured, sorted."""
    return sorted(str(name) for name in compute.unique(measurements["metric"]).to_pylist() if name is not None)


def summed_up(measurements: pyarrow.Table, keys: Sequence[str]) -> list[dict[str, Any]]:
    """For each combination of ``keys``: these, ``mean``, ``low`` and ``high`` (5 % and 95 % of the values), ``count``.

    Keys are columns such as metric, layer, head and step; rows are sorted by them. What is no number is left out.
    Percentiles lie between two values in proportion.
    """
    chosen = measurements.filter(compute.is_finite(measurements["value"]))
    if not chosen.num_rows:
        return []
    if "step" in keys:
        chosen = _binned(chosen)
    chosen = pyarrow.table({name: _plain(chosen[name]) for name in (*keys, "value")})
    chosen = chosen.sort_by([*((key, "ascending") for key in keys), ("value", "ascending")])
    groups = chosen.group_by(list(keys), use_threads=False).aggregate([("value", "mean"), ("value", "count")])
    counts = groups["value_count"].to_pylist()
    low, high = (_percentiles(chosen["value"], counts, share) for share in (0.05, 0.95))
    columns = {**{key: groups[key].to_pylist() for key in keys}, "mean": groups["value_mean"].to_pylist()}
    columns |= {"low": low, "high": high, "count": counts}
    return [dict(zip(columns, row, strict=True)) for row in zip(*columns.values(), strict=True)]


def _plain(column: pyarrow.ChunkedArray) -> pyarrow.ChunkedArray:
    """The column as one that can be sorted."""
    return column.cast(pyarrow.string()) if pyarrow.types.is_dictionary(column.type) else column


def _percentiles(values: pyarrow.ChunkedArray, counts: Sequence[int], share: float) -> list[float]:
    """For runs of sorted values of these lengths, the value below which this share of the run lies."""
    firsts = [0, *accumulate(counts)]
    at = [first + share * (count - 1) for first, count in zip(firsts, counts, strict=False)]
    below = compute.take(values, [math.floor(place) for place in at]).to_pylist()
    above = compute.take(values, [math.ceil(place) for place in at]).to_pylist()
    return [low + (place % 1) * (high - low) for low, high, place in zip(below, above, at, strict=True)]


def _binned(measurements: pyarrow.Table) -> pyarrow.Table:
    last = compute.max(measurements["step"]).as_py()
    size = 1 if last is None else last // BINS + 1
    if size == 1:
        return measurements
    steps = measurements["step"]
    binned = compute.subtract(steps, compute.subtract(steps, compute.multiply(compute.divide(steps, size), size)))
    return measurements.set_column(measurements.schema.get_field_index("step"), "step", binned)
