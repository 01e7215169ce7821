"""The adapter makes no tensor on a device of its own choosing, and answers on an accelerator as on the CPU.

As in the core's tests, torch's default device is ``meta`` while the data is elsewhere: what forgets to say where it
belongs lands there, and fails when it meets the rest.
"""

from __future__ import annotations

from typing import Any

import pytest
import torch

from sah_hf import ModelAdapterHF, Request

from .conftest import MakeAdapter

MASKERS = [{"kind": "sink", "size": 2}, {"kind": "local", "window": 3}, {"kind": "oracle_top_k", "budget": 0.1}]
REQUEST = Request("A mole lives at 7 Elm Row. " * 4, ["Who lives there?", "Where?"])


def test_a_request_stays_with_the_model(llama: Any, adapt: MakeAdapter) -> None:
    """Attaching, reading, asking, measuring: the same answers and densities under a default device that has no data."""
    expected = adapt(llama, *MASKERS).process_request(REQUEST, measure_error=True)
    with torch.device("meta"):
        found = adapt(llama, *MASKERS).process_request(REQUEST, measure_error=True)
    assert found.responses == expected.responses
    assert found.report.layers == expected.report.layers


@pytest.mark.parametrize("mask", ["none", "bool", "additive"])
def test_attention_stays_with_its_tensors(mask: str, llama: Any) -> None:
    """One call of the attention function: positions, windows and masks are made where the keys are."""
    attend = ModelAdapterHF(llama, {"maskers": MASKERS}).get_custom_attention_function()
    module = llama.model.layers[0].self_attn
    torch.manual_seed(1)
    query, key, value = torch.randn(2, 4, 3, 8), torch.randn(2, 2, 30, 8), torch.randn(2, 2, 30, 8)
    seen = torch.ones(3, 30, dtype=torch.bool).tril(27)[None, None]
    given = {"none": None, "bool": seen, "additive": torch.zeros(1, 1, 3, 30).masked_fill(~seen, -1e30)}[mask]
    expected = attend(module, query, key, value, given, sliding_window=20)
    with torch.device("meta"):
        found = attend(module, query, key, value, given, sliding_window=20)
    assert torch.equal(found[0], expected[0])
    assert found[0].device == query.device


@pytest.mark.skipif(not torch.cuda.is_available(), reason="no CUDA device here")
def test_an_accelerator(model: Any, adapt: MakeAdapter) -> None:
    """On CUDA the same tokens as on the CPU, and every tensor of ours beside the model's."""
    expected = adapt(model, *MASKERS).process_request(REQUEST)
    try:
        found = adapt(model.to("cuda"), *MASKERS).process_request(REQUEST, measure_error=True)
    finally:
        model.to("cpu")
    assert found.responses == expected.responses
    assert found.report.density == expected.report.density
    assert found.report.device == "cuda:0"
