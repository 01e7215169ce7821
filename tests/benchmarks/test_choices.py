"""What scoring choices takes: the command runs at a tiny size, and its numbers are of what they say."""

import argparse
from pathlib import Path

import pytest
from benchmarks.choices import command
from benchmarks.results.record import read_records


@pytest.mark.filterwarnings("ignore")  # of lm_eval and of what it imports
def test_the_command(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A row for each number of tokens a choice and of questions a context, with the same choices for all models."""
    monkeypatch.setenv("SAH_COMPILED", "0")  # nothing here has to be fast
    parser = argparse.ArgumentParser()
    command.add_arguments(parser)
    command.run(parser.parse_args(["--context", "192", "--contexts", "1", "--rounds", "1", "-o", str(tmp_path)]))
    rows = read_records(tmp_path / "performance.json")["choices"].rows
    assert [(row.operation, row.setting["questions a context"]) for row in rows] == [
        ("of 3 tokens", 1),
        ("of 3 tokens", 8),
        ("of 1 token", 1),
        ("of 1 token", 8),
    ]
    for row in rows:
        times = {name: spread.median for name, spread in row.milliseconds.items()}
        assert list(times) == ["hf", "every key", "sink + local", "+ quest"]
        assert row.ratios["+ quest"].median == times["hf"] / times["+ quest"]
