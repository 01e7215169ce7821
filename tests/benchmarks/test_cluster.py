"""What Ray costs: the command runs at a tiny size, and its numbers are of what they say."""

import subprocess
import sys
from importlib.util import find_spec
from pathlib import Path

import pytest
from benchmarks.results.record import read_records


def test_the_command(tmp_path: Path) -> None:
    """Every contender answers as many new cells, and the ratios are theirs; in a process that Ray has to itself."""
    if find_spec("ray") is None:
        pytest.skip("ray is not installed")
    size = ["--cells", "10", "--samples", "2", "--context", "128", "--workers", "1", "--rounds", "1"]
    command = [sys.executable, "-m", "benchmarks", "cluster", *size, "-o", str(tmp_path)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    (row,) = read_records(tmp_path / "performance.json")["cluster"].rows
    assert (row.operation, row.setting) == ("10 cells", {"context": 128, "samples": 2, "workers": 1})
    times = {name: spread.median for name, spread in row.milliseconds.items()}
    assert list(times) == ["processes", "ray", "ray, fetched"]
    assert row.ratios["ray / processes"].median == times["ray"] / times["processes"]
