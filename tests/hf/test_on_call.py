"""Whoever looks at a request's sparse attention calls sees each of them once, and changes nothing."""

from __future__ import annotations

from typing import Any

import torch

from sah_core import AttentionInputs, AttentionOutput, create_attention
from sah_hf import Request

from .conftest import MakeAdapter

REQUEST = Request("A mole lives at 7 Elm Row. " * 4, ["Who lives there?", "Where?"])
MASKERS = [{"kind": "sink", "size": 2}, {"kind": "local", "window": 3}, {"kind": "quest", "page_size": 4, "budget": 8}]


def test_every_sparse_call_is_shown(model: Any, adapt: MakeAdapter, backend: str) -> None:
    """As many calls as the report counts, of the layers that are sparse; their keys add up to the report's density."""
    seen: list[tuple[AttentionInputs, AttentionOutput]] = []
    adapter = adapt(model, *MASKERS, attention={"kind": backend})
    plain = adapter.process_request(REQUEST)
    shown = adapter.process_request(REQUEST, on_call=lambda inputs, output: seen.append((inputs, output)))
    assert shown.responses == plain.responses
    assert len(seen) == shown.report.sparse_calls == plain.report.sparse_calls
    assert {inputs.layer_idx for inputs, _ in seen} == set(adapter.layers)
    attended = sum(int(output.mask.attended(inputs.visible).sum()) for inputs, output in seen)
    visible = sum(int(inputs.visible.expand(inputs.shape).sum()) for inputs, _ in seen)
    assert shown.report.density == attended / visible


def test_the_output_is_the_calls(llama: Any, adapt: MakeAdapter) -> None:
    """The output is there when it is shown: the one that attention gives for these inputs and this mask."""
    adapter = adapt(llama, {"kind": "local", "window": 3})
    compared: list[int] = []

    def compare(inputs: AttentionInputs, output: AttentionOutput) -> None:
        again = create_attention({"maskers": [{"kind": "local", "window": 3}]})(inputs)
        assert torch.equal(again.output, output.output)
        assert again.mask == output.mask
        compared.append(inputs.layer_idx)

    adapter.process_request(Request(REQUEST.context, "Who?"), {"max_new_tokens": 2}, on_call=compare)
    assert compared == [0, 1, 0, 1]


def test_dense_calls_are_not_shown(llama: Any, adapt: MakeAdapter) -> None:
    """Neither those of a dense adapter, nor those of dense layers, nor the context's."""
    layers: list[int] = []
    adapt(llama).process_request(REQUEST, on_call=lambda inputs, output: layers.append(inputs.layer_idx))
    assert layers == []
    adapter = adapt(llama, *MASKERS, attention={"dense_layers": [0]})
    adapter.process_request(REQUEST, on_call=lambda inputs, output: layers.append(inputs.layer_idx))
    assert set(layers) == {1}
