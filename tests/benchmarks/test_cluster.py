"""What Ray costs: the command runs at a tiny size, and its numbers are of what they say."""

import argparse
from pathlib import Path

import pytest
from benchmarks.results.record import read_records

pytest.importorskip("ray")

from benchmarks.cluster import command


def test_the_command(tmp_path: Path) -> None:
    """Every contender answers as many new cells, and the ratios are theirs."""
    parser = argparse.ArgumentParser()
    command.add_arguments(parser)
    size = ["--cells", "10", "--samples", "2", "--context", "128", "--workers", "1", "--rounds", "1"]
    command.run(parser.parse_args([*size, "-o", str(tmp_path)]))
    (row,) = read_records(tmp_path / "performance.json")["cluster"].rows
    assert (row.operation, row.setting) == ("10 cells", {"context": 128, "samples": 2, "workers": 1})
    times = {name: spread.median for name, spread in row.milliseconds.items()}
    assert list(times) == ["processes", "ray", "ray, fetched"]
    assert row.ratios["ray / processes"].median == times["ray"] / times["processes"]
