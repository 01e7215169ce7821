"""The report lists every layer of the model, and counts which of its calls and of the model's forwards were sparse."""

from __future__ import annotations

from typing import Any

import pytest
from rich.console import Console
from tests.hf.conftest import MakeAdapter, build_model

from sah_hf import Request
from sah_hf.cli.tables import report_tables

NARROW = [{"kind": "sink", "size": 1}, {"kind": "local", "window": 2}]
REQUEST = Request("A mole lives at 7 Elm Row.", ["Who?", "Where?"])
NEW = 3
OPTIONS = {"max_new_tokens": NEW, "no_repeat_ngram_size": 1, "eos_token_id": []}


def test_layers_that_have_no_softmax_attention_are_listed(adapt: MakeAdapter) -> None:
    """A hybrid's linear layers are its own and make no call that reaches us; the model's names for them are shown."""
    report = adapt(build_model("qwen3_next"), *NARROW, generation=OPTIONS).process_request(REQUEST).report
    assert [(layer.layer, layer.kind, layer.mode) for layer in report.layers] == [
        (0, "linear_attention", "own"),
        (1, "linear_attention", "own"),
        (2, "linear_attention", "own"),
        (3, "full_attention", "sparse"),
    ]
    assert [(layer.sparse_calls, layer.dense_calls, layer.maskers) for layer in report.layers] == [
        *[(0, 0, ())] * 3,
        (2 * NEW, 0, ("sink", "local")),
    ]


@pytest.mark.parametrize(
    ("protocol", "sparse", "dense"),
    [
        ({"sparse_from": "question"}, 2 * NEW, 0),
        ({"sparse_from": "generation"}, 2 * (NEW - 1), 2),
        ({"sparse_from": "context"}, 2 * NEW + 1, 0),
        ({"first_tokens_dense": 99}, 0, 2 * NEW),
    ],
)
def test_forwards_are_counted(llama: Any, adapt: MakeAdapter, protocol: Any, sparse: int, dense: int) -> None:
    """A question is one forward and each new token but the last another; a layer that stays dense is dense in each."""
    adapter = adapt(llama, *NARROW, attention={"dense_layers": [0]}, protocol=protocol, generation=OPTIONS)
    report = adapter.process_request(REQUEST).report
    assert (report.sparse_forwards, report.dense_forwards) == (sparse, dense)
    assert [(layer.sparse_calls, layer.dense_calls) for layer in report.layers] == [(0, sparse), (sparse, 0)]


def test_a_dense_adapters_forwards(llama: Any, adapt: MakeAdapter) -> None:
    """Without an attention config all of them are dense, and reading the context is none of them."""
    report = adapt(llama, generation=OPTIONS).process_request(REQUEST).report
    assert (report.sparse_forwards, report.dense_forwards, report.layers) == (0, 2 * NEW, ())


@pytest.mark.parametrize("implementation", ["sdpa", "eager"])
def test_what_read_the_context(adapt: MakeAdapter, implementation: str) -> None:
    """The model's own implementation by its name, also inside a sparse mode; or that it was read sparsely."""
    model = build_model("llama", attn_implementation=implementation)
    adapter = adapt(model, *NARROW, generation=OPTIONS)
    assert adapter.process_request(REQUEST).report.context_attention == implementation
    read = adapter.read_context(REQUEST)
    with adapter.enable_sparse_mode():
        assert adapter.process_request(REQUEST).report.context_attention == implementation
        report = adapter.process_request(REQUEST, context=read).report
    assert (report.context_attention, report.context_prefills) == (implementation, 0)
    sparse = adapt(model, *NARROW, protocol={"sparse_from": "context"}, generation=OPTIONS)
    assert sparse.process_request(REQUEST).report.context_attention == "sparse"


def test_the_tables_show_it(adapt: MakeAdapter) -> None:
    """Overrides, dense layers as ranges, the protocol, phases, and a row for each layer, to be read by a person."""
    model = build_model("llama", num_hidden_layers=6)
    attention = {"dense_layers": [0, 2, 3, 4], "overrides": [{"layers": 5, "maskers": [{"kind": "causal"}]}]}
    adapter = adapt(model, *NARROW, attention=attention, protocol={"first_tokens_dense": 2}, generation=OPTIONS)
    console = Console(width=200)
    with console.capture() as capture:
        console.print(*report_tables(adapter.process_request(REQUEST).report))
    rows = [" ".join(line.split()) for line in capture.get().splitlines()]
    for expected in (
        "sparse from question, after 2 dense tokens",
        "context read once, densely (sdpa)",
        "layers 5 causal (sah-masker-window 0.1.0)",
        "dense layers 0, 2-4",
        "forwards 6 sparse, 0 dense",
        "phase tokens seconds tokens/s peak memory",
        "0 dense - 6 own - - -",
        "5 sparse causal 6 product 100.00% 100.00% 100.00%",
    ):
        assert expected in rows
