"""All numbers as files to take away: CSV and Parquet, a row a cell; and the answers, a row a sample."""

from __future__ import annotations

import csv
import json
from collections.abc import Iterator
from io import BytesIO, StringIO
from pathlib import Path
from typing import Any

import pyarrow  # type: ignore[import-untyped]  # it has no types
from pyarrow import parquet

from sah_bench.store.directory import ResultsDirectory
from sah_bench.store.whole_files import write_whole

from .cell_result import CellResult
from .results import Results

__all__ = ["COLUMNS", "answers_table", "as_parquet", "cells_csv", "cells_table", "export", "flat"]

COLUMNS = {
    "address": "string",
    "model": "string",
    "attention": "string",
    "swept": "string",
    "protocol": "string",
    "task": "string",
    "length": "int64",
    "seed": "int64",
    "status": "string",
    "samples": "int64",
    "answered": "int64",
    "scorer": "string",
    "score": "float64",
    "standard_error": "float64",
    "contexts": "int64",
    "difference": "float64",
    "difference_error": "float64",
    "density": "float64",
    "seconds": "float64",
    "seconds_error": "float64",
    "time_ratio": "float64",
    "first_token_seconds": "float64",
    "context_seconds": "float64",
    "tokens_per_second": "float64",
    "memory_bytes": "int64",
    "context_bytes": "int64",
    "index_bytes": "int64",
    "cut_samples": "int64",
    "damaged_lines": "int64",
    "set_aside_lines": "int64",
    "score_error": "string",
    "failure": "string",
}
"""The columns of a row a cell, and the type of each."""


def flat(cell: CellResult) -> dict[str, Any]:
    """The cell as a row of `COLUMNS`."""
    counted = {"damaged_lines": len(cell.damaged), "set_aside_lines": len(cell.set_aside)}
    swept = json.dumps(dict(cell.swept), ensure_ascii=False) if cell.swept else None
    return {name: counted[name] if name in counted else getattr(cell, name) for name in COLUMNS} | {"swept": swept}


def cells_table(results: Results) -> pyarrow.Table:
    """All cells, in the order of the plan."""
    schema = pyarrow.schema([(name, getattr(pyarrow, kind)()) for name, kind in COLUMNS.items()])
    return pyarrow.Table.from_pylist([flat(cell) for cell in results.cells], schema)


def cells_csv(results: Results) -> bytes:
    """All cells, in the order of the plan, with a header."""
    text = StringIO()
    writer = csv.DictWriter(text, list(COLUMNS), lineterminator="\n")
    writer.writeheader()
    writer.writerows(flat(cell) for cell in results.cells)
    return text.getvalue().encode()


def answers_table(directory: ResultsDirectory, results: Results) -> pyarrow.Table:
    """Every answer and its score: columns ``address``, ``sample``, ``answer`` and ``score``."""
    text = pyarrow.dictionary(pyarrow.int32(), pyarrow.string())
    schema = pyarrow.schema(
        [("address", text), ("sample", pyarrow.int64()), ("answer", pyarrow.string()), ("score", pyarrow.float64())]
    )
    batches = [
        pyarrow.RecordBatch.from_pylist(rows, schema)
        for address in dict.fromkeys(cell.address for cell in results.cells)
        if (rows := list(_answers(directory, address)))
    ]
    return pyarrow.Table.from_batches(batches, schema)


def _answers(directory: ResultsDirectory, address: str) -> Iterator[dict[str, Any]]:
    files = directory.cell(address)
    try:
        scores = (files.scores or {}).get("by_sample", [])
        answers = {line["sample"]: line["answer"] for line in reversed(files.answers.read().values)}
    except (OSError, ValueError, KeyError, TypeError, AttributeError):
        return  # such a cell is among the failed ones, with the reason
    for sample in sorted(answers):
        score = scores[sample] if sample < len(scores) else None
        yield {"address": address, "sample": sample, "answer": answers[sample], "score": score}


def as_parquet(table: pyarrow.Table) -> bytes:
    """The table as a file."""
    content = BytesIO()
    parquet.write_table(table, content, compression="zstd")
    return content.getvalue()


def export(directory: ResultsDirectory, results: Results, folder: Path) -> list[Path]:
    """Write ``cells.csv``, ``cells.parquet`` and ``answers.parquet``; raises OSError where they cannot be written."""
    written = {
        "cells.csv": cells_csv(results),
        "cells.parquet": as_parquet(cells_table(results)),
        "answers.parquet": as_parquet(answers_table(directory, results)),
    }
    for name, content in written.items():
        write_whole(folder / name, content)
    return [folder / name for name in written]
