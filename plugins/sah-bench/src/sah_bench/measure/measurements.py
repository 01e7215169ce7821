"""Measurements as a table, and as Parquet files that are the same however they came about."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from io import BytesIO
from pathlib import Path
from typing import Any, Final

import numpy
import pyarrow  # type: ignore[import-untyped]  # it has no types
import torch
from attrs import frozen
from pyarrow import parquet
from torch import Tensor

from sah_bench.store.whole_files import write_whole
from sah_core import UsageError

__all__ = ["SCHEMA", "Measured", "merge", "table_of", "write_sample"]

SCHEMA: Final = pyarrow.schema(
    [
        ("sample", pyarrow.int32()),
        ("layer", pyarrow.int16()),
        ("head", pyarrow.int16()),
        ("step", pyarrow.int32()),
        ("metric", pyarrow.dictionary(pyarrow.int32(), pyarrow.string())),
        ("value", pyarrow.float32()),
    ]
)
"""One row for a query, head and metric; ``step`` is the query's position after the context, from 0.

``value`` is null where the metric has none.
"""

_ROW_GROUP: Final = 2**20  # rows; fixed, so that a file does not depend on what pyarrow prefers


@frozen(eq=False)
class Measured:
    """What one metric said of one call."""

    layer: int
    step: int
    """Of the call's last query."""
    metric: int
    """Its number among the names."""
    values: Tensor
    """(b, hq, q)."""


def table_of(sample: int, measured: Sequence[Measured], names: Sequence[str]) -> Any:
    """One sample's measurements as a table: calls in their order, and of each its metrics, heads, queries."""
    columns: dict[str, list[numpy.ndarray[Any, Any]]] = {name: [] for name in ("layer", "head", "step", "metric")}
    values = []
    for each in measured:
        b, heads, queries = each.values.shape
        size = each.values.numel()
        values.append(each.values.to("cpu", torch.float32).reshape(-1).numpy())
        columns["layer"].append(numpy.full(size, each.layer))
        columns["metric"].append(numpy.full(size, each.metric))
        columns["head"].append(numpy.tile(numpy.repeat(numpy.arange(heads), queries), b))
        columns["step"].append(numpy.tile(numpy.arange(each.step - queries + 1, each.step + 1), b * heads))
    joined = {name: numpy.concatenate([*parts, numpy.empty(0, numpy.int64)]) for name, parts in columns.items()}
    value = numpy.concatenate([*values, numpy.empty(0, numpy.float32)])
    metric = pyarrow.DictionaryArray.from_arrays(
        pyarrow.array(joined["metric"], pyarrow.int32()), pyarrow.array(list(names), pyarrow.string())
    )
    arrays = [
        pyarrow.array(numpy.full(len(value), sample), pyarrow.int32()),
        pyarrow.array(joined["layer"], pyarrow.int16()),
        pyarrow.array(joined["head"], pyarrow.int16()),
        pyarrow.array(joined["step"], pyarrow.int32()),
        metric,
        pyarrow.array(value, pyarrow.float32(), from_pandas=True),  # NaN is null
    ]
    return pyarrow.Table.from_arrays(arrays, schema=SCHEMA)


def write_sample(sample: int, measured: Sequence[Measured], names: Sequence[str], path: Path) -> None:
    """Write one sample's measurements to a file, for `merge`; OSError where that fails.

    A sample of which nothing was measured, as most are at a low rate, has an empty file: it says as much, and neither
    has to be encoded nor waited for until it is on the disk.
    """
    if measured:
        _write(table_of(sample, measured, names), path)
    else:
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(b"")


def _write(table: Any, path: Path) -> None:
    content = BytesIO()
    parquet.write_table(table.combine_chunks(), content, row_group_size=_ROW_GROUP, compression="zstd")
    write_whole(path, content.getvalue())


def merge(paths: Iterable[Path], target: Path) -> None:
    """Write the measurements of several samples, a file each, to one Parquet file, in the samples' order.

    The file has the same bytes whatever the order of ``paths``, and whenever and by whom they were written.
    Raises UsageError for a file that holds something else, OSError for one that is not there, or where the target
    cannot be written.
    """
    tables = [_read(path) for path in paths if path.stat().st_size]
    tables.sort(key=lambda table: table["sample"][0].as_py())
    _write(pyarrow.concat_tables([SCHEMA.empty_table(), *tables]).unify_dictionaries(), target)


def _read(path: Path) -> Any:
    try:
        return parquet.read_table(path, schema=SCHEMA)
    except pyarrow.ArrowException as error:
        reason = str(error).splitlines()[0]
        raise UsageError(f"{path}: holds no measurements of a sample: {reason}") from error
