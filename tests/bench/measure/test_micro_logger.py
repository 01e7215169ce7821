"""The logger: which calls it measures, what it writes down of them, and what becomes of a metric that fails."""

from __future__ import annotations

import subprocess
import sys
from itertools import product
from typing import Any

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch import Tensor

from sah_bench.measure.chosen import ChosenCalls
from sah_bench.measure.micro import MeasuredCall, MicroMetric, MicroMetricLogger
from sah_core import AttentionInputs, AttentionOutput, ConfigError, Mask, UsageError, default_registry

CONTEXT = 10


class Position:
    """10 times the layer, plus the head, plus a tenth of the query's number: a value that says where it comes from."""

    name = "position"

    def __call__(self, call: MeasuredCall) -> Tensor:
        b, hq, q = call.inputs.shape[:3]
        head, query = torch.arange(hq).reshape(1, hq, 1), torch.arange(q).reshape(1, 1, q)
        return (10.0 * call.inputs.layer_idx + head + query / 10).expand(b, hq, q)


class Missing:
    """No value for the first query."""

    name = "missing"

    def __call__(self, call: MeasuredCall) -> Tensor:
        values = torch.ones(call.inputs.shape[:3])
        values[..., 0] = torch.nan
        return values


class Random:
    """Draws from the global generator."""

    name = "random"

    def __call__(self, call: MeasuredCall) -> Tensor:
        return torch.rand(call.inputs.shape[:3])


class Failing:
    """Raises in one layer."""

    name = "failing"

    def __init__(self, layer: int) -> None:
        self.layer = layer

    def __call__(self, call: MeasuredCall) -> Tensor:
        if call.inputs.layer_idx == self.layer:
            raise ValueError("no such number")
        return torch.zeros(call.inputs.shape[:3])


class Misshapen:
    """Gives one number for a whole call."""

    name = "misshapen"

    def __call__(self, call: MeasuredCall) -> Tensor:
        return torch.zeros(())


def call(layer: int, step: int, queries: int = 1, heads: int = 2) -> tuple[AttentionInputs, AttentionOutput]:
    """A call whose last query is so many tokens after a context of `CONTEXT`."""
    keys = torch.ones(1, 1, CONTEXT + step + 1, 2)
    inputs = AttentionInputs(torch.ones(1, heads, queries, 2), keys, keys, layer_idx=layer)
    return inputs, AttentionOutput(torch.ones(1, heads, queries, 2), Mask.full(inputs.shape))


def logged(
    metrics: list[str | MicroMetric],
    calls: list[tuple[AttentionInputs, AttentionOutput]],
    sample: int = 0,
    **options: Any,
) -> MicroMetricLogger:
    logger = MicroMetricLogger(metrics, **{"rate": 1.0, **options})
    logger.begin(sample, CONTEXT)
    for each in calls:
        logger(*each)
    return logger


def test_the_rows_of_two_calls() -> None:
    """A question of two tokens in layer 3, then one generated token: a row for each head and query, by their steps."""
    table = logged([Position()], [call(3, 1, queries=2), call(3, 2)], sample=7).table()
    rows = [(row["sample"], row["layer"], row["head"], row["step"], row["metric"]) for row in table.to_pylist()]
    assert rows == [(7, 3, head, step, "position") for head, step in [(0, 0), (0, 1), (1, 0), (1, 1), (0, 2), (1, 2)]]
    assert table["value"].to_pylist() == pytest.approx([30.0, 30.1, 31.0, 31.1, 30.0, 31.0])


def test_columns() -> None:
    """Their names and types, also where nothing was measured."""
    expected = {
        "sample": "int32",
        "layer": "int16",
        "head": "int16",
        "step": "int32",
        "metric": "dictionary<values=string, indices=int32, ordered=0>",
        "value": "float",
    }
    for calls in ([], [call(0, 0)]):
        schema = logged(["density"], calls).table().schema
        assert {field.name: str(field.type) for field in schema} == expected


def test_no_value_is_null() -> None:
    """NaN is no number to average with: the row is there, its value is null."""
    table = logged([Missing()], [call(0, 1, queries=2, heads=1)]).table()
    assert table["value"].to_pylist() == [None, 1.0]


def test_positions_in_a_sliding_window() -> None:
    """A layer that holds the last 4 keys only: the step comes from where its first key stands."""
    keys = torch.ones(1, 1, 4, 2)
    inputs = AttentionInputs(keys[:, :, :1], keys, keys, key_offset=CONTEXT + 5 - 3)
    output = AttentionOutput(torch.ones(1, 1, 1, 2), Mask.full(inputs.shape))
    assert logged(["density"], [(inputs, output)]).table()["step"].to_pylist() == [5]


def test_a_sample_begins_afresh() -> None:
    """What was measured of the sample before is forgotten when the next begins."""
    logger = logged([Position()], [call(0, 0)], sample=1)
    logger.begin(2, CONTEXT)
    assert len(logger.table()) == 0
    logger(*call(1, 0))
    assert set(logger.table()["sample"].to_pylist()) == {2}


def test_all_or_none() -> None:
    """At rate 1 every call is measured, at rate 0 none."""
    calls = [call(layer, step) for layer, step in product(range(4), range(25))]
    assert len(logged([Position()], calls).table()) == 200
    assert len(logged([Position()], calls, rate=0.0).table()) == 0


@given(
    st.integers(0, 2**31), st.lists(st.tuples(st.integers(0, 9), st.integers(0, 3), st.integers(0, 99)), unique=True)
)
def test_the_choice_is_of_the_call_alone(seed: int, names: list[tuple[int, int, int]]) -> None:
    """Asked in any order, of any logger with this seed; and what a low rate measures, a higher one does too."""
    low, high = ChosenCalls(0.1, seed), ChosenCalls(0.5, seed)
    chosen = {name for name in names if low.includes(*name)}
    assert chosen == {name for name in reversed(names) if ChosenCalls(0.1, seed).includes(*name)}
    assert chosen <= {name for name in names if high.includes(*name)}


@pytest.mark.parametrize("rate", [0.01, 0.3])
def test_the_share_is_the_rate(rate: float) -> None:
    """Of 40,000 calls, within five standard errors; in every layer, and another choice for another seed or sample."""
    names = list(product(range(10), range(4), range(1000)))
    chosen = [name for name in names if ChosenCalls(rate, 0).includes(*name)]
    assert abs(len(chosen) - rate * 40_000) < 5 * (40_000 * rate * (1 - rate)) ** 0.5
    assert {layer for _, layer, _ in chosen} == set(range(4))
    assert chosen != [name for name in names if ChosenCalls(rate, 1).includes(*name)]
    by_sample = [{name[1:] for name in chosen if name[0] == sample} for sample in (0, 1)]
    assert by_sample[0] != by_sample[1]


def test_an_interrupted_sample_measures_the_same_calls() -> None:
    """Samples in another order, or without the others: the same rows."""
    calls = [call(layer, step) for step, layer in product(range(20), range(3))]
    logger = MicroMetricLogger([Position(), "density"], rate=0.2, seed=5)
    tables = {}
    for sample in (2, 0, 1):
        logger.begin(sample, CONTEXT)
        for each in calls:
            logger(*each)
        tables[sample] = logger.table()
    assert 0 < len(tables[1]) < 240
    assert all(
        tables[sample] == logged([Position(), "density"], calls, sample, rate=0.2, seed=5).table() for sample in tables
    )


def test_a_failing_metric_costs_nothing_else() -> None:
    """It is left out from there to the end of the sample, and named; the other metrics and samples go on."""
    logger = logged([Failing(1), Position()], [call(0, 0), call(1, 0), call(2, 0), call(0, 1)], sample=4)
    measured = [(row["metric"], row["layer"], row["step"]) for row in logger.table().to_pylist() if row["head"] == 0]
    assert [each for each in measured if each[0] == "position"] == [
        ("position", layer, step) for layer, step in [(0, 0), (1, 0), (2, 0), (0, 1)]
    ]
    assert [each for each in measured if each[0] == "failing"] == [("failing", 0, 0)]
    assert [str(error) for error in logger.errors] == [
        "metric 'failing' failed at sample 4, layer 1, step 0, and was left out for the rest of the sample: "
        "ValueError: no such number"
    ]
    logger.begin(5, CONTEXT)
    logger(*call(0, 0))
    assert {row["metric"] for row in logger.table().to_pylist()} == {"failing", "position"}
    assert len(logger.errors) == 1


def test_a_misshapen_metric_fails() -> None:
    """A number for a whole call is none for each query and head."""
    logger = logged([Misshapen()], [call(0, 0)])
    assert "ValueError: expected one number for each query and head, (1, 2, 1), not ()" in str(logger.errors[0])


def test_random_numbers_are_put_back() -> None:
    """A metric that draws from the global generator leaves it where it was."""
    torch.manual_seed(3)
    expected = torch.rand(4)
    torch.manual_seed(3)
    logger = logged([Random()], [call(0, 0), call(0, 1)])
    assert len(logger.table()) == 4
    assert torch.equal(torch.rand(4), expected)


def test_registered_metrics() -> None:
    """The five of this package are found by their names, which are their own, and all of them measure."""
    names = ("density", "mass", "output_error", "recall", "variance")
    assert set(names) <= set(default_registry().metrics.names)
    assert [default_registry().metrics.load(name).name for name in names] == list(names)
    logger = logged(list(names), [call(0, 0)])
    assert {row["metric"] for row in logger.table().to_pylist()} == set(names)
    assert logger.errors == []


def test_mistakes() -> None:
    """An unknown metric, one that is named twice, an impossible rate, and a call before any sample."""
    with pytest.raises(ConfigError, match=r"unknown metric 'densty' \(did you mean 'density'\?\)"):
        MicroMetricLogger(["densty"], rate=0.1)
    with pytest.raises(UsageError, match="a metric is named twice among mass, mass"):
        MicroMetricLogger(["mass", "mass"], rate=0.1)
    with pytest.raises(UsageError, match="from 0 to 1, not 2"):
        MicroMetricLogger(["mass"], rate=2)
    with pytest.raises(UsageError, match="no sample was begun"):
        MicroMetricLogger(["mass"], rate=0.1)(*call(0, 0))


def test_the_package_is_light() -> None:
    """`import sah_bench.measure`, and naming its metrics, import neither torch nor pyarrow."""
    code = (
        "import sys, sah_bench.measure, sah_core; sah_core.Registry().metrics.names; "
        "print([name for name in ('torch', 'pyarrow', 'transformers') if name in sys.modules])"
    )
    found = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert found.stdout.strip() == "[]"
