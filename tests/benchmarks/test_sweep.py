"""What the executor costs: the command runs at a tiny size, and its numbers are of what they say."""

import argparse
from pathlib import Path

from benchmarks.results.record import read_records
from benchmarks.sweep import command


def test_the_command(tmp_path: Path) -> None:
    """The model's seconds are part of the cells', and those of the whole run."""
    parser = argparse.ArgumentParser()
    command.add_arguments(parser)
    command.run(parser.parse_args(["--contexts", "128", "--samples", "4", "--rounds", "1", "-o", str(tmp_path)]))
    (row,) = read_records(tmp_path / "performance.json")["sweep"].rows
    assert row.setting == {"context": 128, "samples": 12}
    times = {name: spread.median for name, spread in row.milliseconds.items()}
    assert 0 < times["model"] < times["cells"] < times["start to end"]
    assert row.ratios["cells / model"].median == times["cells"] / times["model"]
