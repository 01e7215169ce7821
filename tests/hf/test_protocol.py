"""From where on a request is sparse, how many tokens stay dense still, and which layers have other maskers."""

from __future__ import annotations

from importlib.metadata import version
from typing import Any

import pytest
import torch

from sah_core import ConfigError
from sah_hf import ModelAdapterHF, Request, RequestError

from .conftest import MakeAdapter

NARROW = [{"kind": "sink", "size": 1}, {"kind": "local", "window": 2}]
CAUSAL = [{"kind": "causal"}]
CONTEXT = "A mole lives at 7 Elm Row, and two owls above it."


@torch.no_grad()
def logits_by_chunks(model: Any, ids: torch.Tensor, ends: list[int]) -> torch.Tensor:
    """Logits of all ids, fed in chunks that end there."""
    cache, start, logits = None, 0, []
    for end in ends:
        output = model(input_ids=ids[:, start:end], past_key_values=cache, use_cache=True)
        cache, start = output.past_key_values, end
        logits.append(output.logits)
    return torch.cat(logits, 1)


def test_a_split_forward_is_two_forwards(model: Any, tokens: Any, backend: str) -> None:
    """A chunk with dense queries before sparse ones gives what the two parts give one after the other."""
    if model.config.model_type == "qwen3_next" and version("transformers").startswith("4."):
        pytest.skip("transformers 4.57 forgets qwen3_next's recurrent state where several tokens follow a context")
    ids = tokens(40)
    adapter = ModelAdapterHF(model, {"kind": backend, "maskers": NARROW})
    with adapter.enable_sparse_mode(sparse_from=33) as mode:
        split = logits_by_chunks(model, ids, [20, 40])
    calls = mode.meter.calls
    with adapter.enable_sparse_mode(sparse_from=33) as mode:
        apart = logits_by_chunks(model, ids, [20, 33, 40])
    assert calls == mode.meter.calls == len(adapter.layers)
    # A linear-attention layer sums a chunk as a whole, and its sums differ with the chunks in their last digits.
    atol = 2e-4 if model.config.model_type == "qwen3_next" else 2e-5
    torch.testing.assert_close(split, apart, atol=atol, rtol=0)
    dense = logits_by_chunks(model, ids, [20, 40])
    torch.testing.assert_close(split[:, :33], dense[:, :33], atol=atol, rtol=0)
    assert (split[:, 33:] - dense[:, 33:]).abs().max() > 0.01


def test_a_prompt_read_in_chunks(llama: Any, tokens: Any) -> None:
    """Told where the prompt ends, a mode reads all its chunks densely and what follows sparsely."""
    ids = tokens(40)
    adapter = ModelAdapterHF(llama, {"maskers": NARROW})
    with adapter.enable_sparse_mode():
        whole = logits_by_chunks(llama, ids, [30, 40])
    with adapter.enable_sparse_mode(sparse_from=30):
        chunks = logits_by_chunks(llama, ids, [11, 22, 30, 40])
    torch.testing.assert_close(chunks, whole, atol=2e-5, rtol=0)


def test_a_sparse_prompt_of_a_full_mask_is_eager_attention(model: Any, tokens: Any, backend: str) -> None:
    """Sparse from the context on, a mask that keeps everything gives the dense logits of the prompt as well."""
    ids = tokens(40)
    protocol = {"sparse_from": "context"}
    adapter = ModelAdapterHF(model, {"kind": backend, "maskers": CAUSAL}, protocol=protocol)
    dense = logits_by_chunks(model, ids, [36, 39, 40])
    with adapter.enable_sparse_mode() as mode:
        sparse = logits_by_chunks(model, ids, [36, 39, 40])
    assert mode.meter.calls == 3 * len(adapter.layers)
    torch.testing.assert_close(sparse, dense, atol=2e-5, rtol=0)


def test_a_sparse_prompt_is_sparse(llama: Any, tokens: Any) -> None:
    """Read with a window of two keys, each query of the prompt attends to that, as the weights of a layer show."""
    ids = tokens(6)
    protocol = {"sparse_from": "context", "first_tokens_dense": 2}
    adapter = ModelAdapterHF(llama, {"maskers": [{"kind": "local", "window": 2}]}, protocol=protocol)
    with torch.no_grad(), adapter.enable_sparse_mode() as mode:
        llama(input_ids=ids)
    # Queries 2 to 5 see 3, 4, 5 and 6 keys and attend to 2 each.
    assert mode.meter.density == pytest.approx(8 / 18)


@pytest.mark.parametrize("sparse_from", ["context", "question", "generation"])
def test_the_report_says_from_where(llama: Any, adapt: MakeAdapter, sparse_from: str) -> None:
    """Density, calls and the first answer's own keys follow the protocol, and the report names it."""
    question, prefix = " Who?", ""
    adapter = adapt(llama, {"kind": "local", "window": 1}, protocol={"sparse_from": sparse_from})
    response = adapter.process_request(Request(CONTEXT, question, prefix))
    report, n = response.report, len(CONTEXT) + 1
    assert (report.protocol, report.first_tokens_dense) == (sparse_from, 0)
    answer = report.answers[0]
    begin = n if sparse_from != "generation" else n + len(question)
    last = n + len(question) + answer.answer_tokens - 1
    rows = 2 * 4 * (last - begin)  # layers, heads
    assert answer.attended == rows, "what the context attended to is not the answer's"
    in_context = 2 * 4 * n if sparse_from == "context" else 0
    visible = 2 * 4 * sum(range(1 if in_context else begin + 1, last + 1))
    assert report.density == pytest.approx((rows + in_context) / visible)


def test_first_tokens_dense_moves_the_start(llama: Any, adapt: MakeAdapter) -> None:
    """Two tokens of the question stay dense: exactly their queries are missing from what is counted."""
    counted = []
    for dense in (0, 2):
        protocol = {"sparse_from": "question", "first_tokens_dense": dense}
        adapter = adapt(llama, {"kind": "local", "window": 1}, protocol=protocol, generation={"max_new_tokens": 1})
        report = adapter.process_request(Request(CONTEXT, " Who?")).report
        assert report.first_tokens_dense == dense
        counted.append(report.answers[0].attended)
    assert counted == [2 * 4 * 5, 2 * 4 * 3]


def test_many_dense_tokens_are_dense(llama: Any, adapt: MakeAdapter) -> None:
    """As many dense tokens as there are give the dense answer, and say so: nothing was sparse."""
    dense = adapt(llama).process_request(Request(CONTEXT, " Who?"))
    adapter = adapt(llama, *NARROW, protocol={"first_tokens_dense": 99})
    response = adapter.process_request(Request(CONTEXT, " Who?"))
    assert response.responses == dense.responses
    assert (response.report.density, response.report.sparse_calls) == (None, 0)


def test_a_context_read_sparsely_is_its_configs_own(llama: Any, adapt: MakeAdapter) -> None:
    """Read once by an adapter it gives the same answers; one with another config or protocol refuses it."""
    sparse = {"sparse_from": "context"}
    only, request = {"kind": "oracle_top_k", "budget": 3}, Request(CONTEXT, [" Who?", " Where?"])
    adapter = adapt(llama, only, protocol=sparse)
    context = adapter.read_context(request)
    alone = adapter.process_request(request)
    assert adapter.process_request(request, context=context).responses == alone.responses
    assert alone.responses != adapt(llama, only).process_request(request).responses
    with pytest.raises(RequestError, match="read sparsely, and this protocol wants it densely"):
        adapt(llama, only).process_request(request, context=context)
    with pytest.raises(RequestError, match="with another attention config"):
        adapt(llama, *CAUSAL, protocol=sparse).process_request(request, context=context)


def test_layers_with_maskers_of_their_own(llama: Any, adapt: MakeAdapter) -> None:
    """Layer 1 has a window of four keys, the others of one: densities and names are in the report, layer by layer."""
    attention = {"overrides": [{"layers": 1, "maskers": [{"kind": "sink", "size": 1}, {"kind": "local", "window": 3}]}]}
    adapter = adapt(llama, {"kind": "local", "window": 1}, attention=attention, generation={"max_new_tokens": 1})
    report = adapter.process_request(Request(CONTEXT, "?")).report
    n = len(CONTEXT) + 2
    assert [layer.maskers for layer in report.layers] == [("local",), ("sink", "local")]
    assert [layer.mean_density for layer in report.layers] == pytest.approx([1 / n, 4 / n])
    (override,) = report.overrides
    assert (override.layers, [masker.kind for masker in override.maskers]) == ((1,), ["sink", "local"])


def test_layers_that_the_model_does_not_have(llama: Any) -> None:
    """An override of a layer beyond the last is named with its place in the config."""
    attention = {"maskers": NARROW, "overrides": [{"layers": "1-2", "maskers": CAUSAL}]}
    with pytest.raises(ConfigError, match=r"attention.overrides\[0\].layers: 2 is no layer of this model, which has 0"):
        ModelAdapterHF(llama, attention)
