"""What making RULER's rows takes: the command runs at a tiny size, and its numbers are of what they say."""

import argparse
from pathlib import Path

import pytest
from benchmarks.results.record import read_records
from benchmarks.rows import command


@pytest.mark.filterwarnings("ignore")  # of lm_eval and of what it imports
def test_the_command(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A row for each task and length, and one more where the port makes the task's rows, too."""
    monkeypatch.setenv("RAYON_NUM_THREADS", "1")  # as the command does, and this takes it back
    parser = argparse.ArgumentParser()
    command.add_arguments(parser)
    sizes = [
        "--lengths",
        "700",
        "900",
        "--samples",
        "2",
        "--peer-length",
        "800",
        "--peer-samples",
        "1",
        "--rounds",
        "1",
    ]
    command.run(parser.parse_args([*sizes, "--tasks", "niah_single_1", "fwe", "-o", str(tmp_path)]))
    *rows, port = read_records(tmp_path / "performance.json")["rows"].rows
    assert [(row.operation, row.setting) for row in rows] == [
        (task, {"length": length, "samples": 2}) for length in (700, 900) for task in ("niah_single_1", "fwe")
    ]
    for row in rows:
        assert row.numbers["shortest"] <= row.numbers["longest"] <= row.setting["length"]
        times = {name: spread.median for name, spread in row.milliseconds.items()}
        assert row.ratios["rows / one count"].median == times["rows"] / times["one count"]
    assert (port.operation, port.setting) == ("fwe", {"length": 800, "samples": 1})
    assert port.ratios["lm_eval / rows"].median > 0
