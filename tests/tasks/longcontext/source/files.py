"""Files of sets, as they are published and as users make them."""

from __future__ import annotations

import csv
import json
import zipfile
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pyarrow  # type: ignore[import-untyped]  # it has no types
from pyarrow import parquet

Records = Sequence[dict[str, Any]]


def json_lines(records: Records) -> str:
    return "".join(json.dumps(record, ensure_ascii=False) + "\n" for record in records)


def write(path: Path, records: Records) -> Path:
    """Write records in the format that the file's name ends in."""
    path.parent.mkdir(parents=True, exist_ok=True)
    match path.suffix:
        case ".jsonl":
            path.write_text(json_lines(records), "utf-8")
        case ".json":
            path.write_text(json.dumps(records, ensure_ascii=False), "utf-8")
        case ".csv":
            with path.open("w", encoding="utf-8", newline="") as file:
                writer = csv.DictWriter(file, list(records[0]))
                writer.writeheader()
                writer.writerows(records)
        case _:
            parquet.write_table(pyarrow.Table.from_pylist(list(records)), path)
    return path


def write_zip(path: Path, **members: Records) -> Path:
    """A .zip as LongBench is published: a file ``data/NAME.jsonl`` for each name."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.mkdir("data")
        for name, records in members.items():
            archive.writestr(f"data/{name}.jsonl", json_lines(records))
    return path
