"""What the adapter costs: the command runs at a tiny size, and its numbers are of what they say."""

import argparse
from pathlib import Path

import pytest
from benchmarks.adapter import command
from benchmarks.results.bars import BARS
from benchmarks.results.record import read_records


def test_the_command(tmp_path: Path) -> None:
    """A row for each number of new tokens and one for reading; every bar of the adapter finds its row."""
    parser = argparse.ArgumentParser()
    command.add_arguments(parser)
    given = ["--context", "64", "--layers", "1", "--hidden", "256", "--rounds", "3", "--reading-rounds", "2", "-o"]
    command.run(parser.parse_args([*given, str(tmp_path)]))
    rows = read_records(tmp_path / "performance.json")["adapter"].rows
    assert [row.operation for row in rows] == ["a decode step", "a question of 16", "reading"]
    bars = [bar for bar in BARS if bar.benchmark == "adapter"]
    assert [sum(bar.holds(row) for row in rows) for bar in bars] == [1] * len(bars) == [1] * 5
    for row in rows:
        times = {name: spread.median for name, spread in row.milliseconds.items()}
        assert min(times.values()) > 0, "the mode's hooks take some time, and are there to be timed"
        plain = times["dense mode"] / row.ratios["dense mode / plain"].median
        assert row.numbers["hooks / plain"] == pytest.approx(times["hooks"] / plain)
        around = [row.milliseconds[name] for name in ("plain", "plain again")]
        assert 0.5 * min(each.low for each in around) < plain < 2 * max(each.high for each in around)
