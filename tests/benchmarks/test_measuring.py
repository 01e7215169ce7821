"""What measuring costs: the command runs at a tiny size, and its numbers are of what they say."""

import argparse
from pathlib import Path

from benchmarks.measuring import command
from benchmarks.measuring.costs import METRICS, Measuring
from benchmarks.results.record import read_records
from pyarrow import parquet  # type: ignore[import-untyped]  # it has no types

from sah_bench.measure.measurements import merge
from sah_hf import ModelAdapterHF, Request
from sah_model_needle import NeedleTask


def test_the_command(tmp_path: Path) -> None:
    """Both models, both backends: a row each, with every contender beside off."""
    parser = argparse.ArgumentParser()
    command.add_arguments(parser)
    given = ["--contexts", "256", "--questions", "1", "--rounds", "1", "--rate", "0.5", "--hidden", "256", "-o"]
    command.run(parser.parse_args([*given, str(tmp_path)]))
    rows = read_records(tmp_path / "performance.json")["measuring"].rows
    assert [(row.setting["model"], row.setting["backend"]) for row in rows] == [
        (model, backend) for model in ("needle", "random Llama") for backend in ("efficient", "research")
    ]
    for row in rows:
        assert set(row.ratios) == {f"{name} / off" for name in ("hook alone", "50% measured", "off again")}
        layers = row.setting["layers"]
        assert row.numbers["calls"] == layers * 8, "an answer of eight tokens: the question's forward and seven more"
        assert min(row.numbers["hook adds"], row.numbers["50% measured adds"]) > 0


def test_what_is_asked_again_is_another_sample(tmp_path: Path) -> None:
    """Two requests of two questions at rate 1: four samples, each with rows of every metric, layer, head and query."""
    needle = NeedleTask("retrieval", length=256, questions=2).sample(0)
    request = Request(needle.context, needle.questions)
    maskers = [{"kind": "sink"}, {"kind": "local"}]
    adapter = ModelAdapterHF("needle", {"maskers": maskers}, generation={"max_new_tokens": 3, "min_new_tokens": 3})
    measuring = Measuring(adapter, request, adapter.read_context(request), 1.0, tmp_path)
    measuring()
    measuring()
    assert (measuring.asked, 0 < measuring.within < measuring.seconds) == (2, True)
    merge(sorted(tmp_path.iterdir()), tmp_path / "all.parquet")
    rows = parquet.read_table(tmp_path / "all.parquet").to_pylist()
    assert {row["sample"] for row in rows} == {0, 1, 3, 4}, "after its last question, a request has begun one more"
    config = adapter.model.config
    queries = max(row["step"] for row in rows) + 1
    assert len(rows) == 4 * len(METRICS) * config.num_hidden_layers * config.num_attention_heads * queries
