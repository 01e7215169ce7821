"""Measurements on disk: read back as they were, and merged to the same bytes however they came about."""

from __future__ import annotations

from itertools import permutations
from pathlib import Path

import pytest
import torch
from pyarrow import parquet  # type: ignore[import-untyped]  # it has no types

from sah_bench.measure.measurements import SCHEMA, Measured, merge, write_sample
from sah_bench.measure.micro import MicroMetricLogger
from sah_core import UsageError

NAMES = ("density", "mass")


def sample_file(folder: Path, sample: int, calls: int) -> Path:
    """The file of a sample of which so many calls were measured; every third value is missing."""
    measured = []
    for number in range(calls):
        values = torch.arange(6.0).reshape(1, 2, 3) + sample
        values[..., number % 3] = torch.nan
        measured.append(Measured(layer=number, step=number + 2, metric=number % 2, values=values))
    path = folder / f"{sample:06}.parquet"
    write_sample(sample, measured, NAMES, path)
    return path


def test_round_trip(tmp_path: Path) -> None:
    """What is read is what was measured; a sample of which nothing was has a file without a byte."""
    table = parquet.read_table(sample_file(tmp_path, 1, 3))
    assert table.schema.equals(SCHEMA)
    assert len(table) == 18
    assert table["value"].null_count == 6
    assert sample_file(tmp_path, 1, 0).read_bytes() == b""


def test_merged_in_the_samples_order(tmp_path: Path) -> None:
    """Whatever the order of the files: the same bytes, the samples in order, each sample's rows as they were."""
    paths = [sample_file(tmp_path, sample, calls) for sample, calls in ((0, 2), (3, 0), (10, 1), (11, 4))]
    contents = set()
    for number, order in enumerate(permutations(paths)):
        merge(order, tmp_path / f"{number}.merged")
        contents.add((tmp_path / f"{number}.merged").read_bytes())
    assert len(contents) == 1
    table = parquet.read_table(tmp_path / "0.merged")
    full = [path for path in paths if path.stat().st_size]
    assert len(full) == 3
    assert table.to_pylist() == [row for path in full for row in parquet.read_table(path).to_pylist()]
    assert table["sample"].to_pylist() == [0] * 12 + [10] * 6 + [11] * 24


def test_written_again_is_the_same_file(tmp_path: Path) -> None:
    """A sample that is measured again, in another process's place, leaves the same bytes."""
    first = sample_file(tmp_path, 2, 3).read_bytes()
    assert sample_file(tmp_path / "again", 2, 3).read_bytes() == first


def test_nothing_to_merge(tmp_path: Path) -> None:
    """No files, or files of samples of which nothing was measured, make a file without rows."""
    for paths in ([], [sample_file(tmp_path, 0, 0)]):
        MicroMetricLogger.merge(paths, tmp_path / "all.parquet")
        table = parquet.read_table(tmp_path / "all.parquet")
        assert (len(table), table.schema) == (0, SCHEMA)


def test_different_names_are_kept_apart(tmp_path: Path) -> None:
    """A metric is what it was called when it was measured, whatever its number among other names."""
    values = torch.ones(1, 1, 1)
    for sample, names in ((0, ("mass", "density")), (1, ("density", "recall"))):
        write_sample(sample, [Measured(0, 0, 1, values)], names, tmp_path / f"{sample}.parquet")
    merge([tmp_path / "0.parquet", tmp_path / "1.parquet"], tmp_path / "all.parquet")
    assert parquet.read_table(tmp_path / "all.parquet")["metric"].to_pylist() == ["density", "recall"]


@pytest.mark.parametrize(("content", "error"), [(b"no parquet at all", UsageError), (None, FileNotFoundError)])
def test_a_file_that_cannot_be_read_is_named(tmp_path: Path, content: bytes | None, error: type[Exception]) -> None:
    """Damaged or missing: an error that names it, and nothing is written."""
    path = tmp_path / "000003.parquet"
    if content is not None:
        path.write_bytes(content)
    with pytest.raises(error, match=r"000003\.parquet"):
        merge([path], tmp_path / "all.parquet")
    assert not (tmp_path / "all.parquet").exists()


def test_a_disk_that_is_full(tmp_path: Path) -> None:
    """What cannot be written raises OSError and leaves what was there."""
    target = tmp_path / "all.parquet"
    merge([sample_file(tmp_path, 0, 1)], target)
    before = target.read_bytes()
    target.with_name(f"{target.name}.folder").mkdir()
    with pytest.raises(OSError, match="directory"):
        merge([sample_file(tmp_path, 0, 2)], target.with_name(f"{target.name}.folder"))
    assert target.read_bytes() == before
