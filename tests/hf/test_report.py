"""What a report says was measured: densities against counting by hand, errors, calls, and where it all came from."""

from __future__ import annotations

import json
from importlib.metadata import version
from typing import Any

import pytest

from sah_core.compiled.available import loops_missing
from sah_hf import Request

from .conftest import WINDOW, MakeAdapter

CONTEXT = "A mole lives at 7 Elm Row. " * 4
QUESTION = "Who lives there?"
SINK, LOCAL = 3, 5
MASKERS = [{"kind": "sink", "size": SINK}, {"kind": "local", "window": LOCAL}]


def counted(first: int, queries: int, window: int | None = None) -> tuple[int, int]:
    """Keys attended to and keys visible, summed over queries at first, first + 1, ...: sink and local, by hand."""
    attended = visible = 0
    for query in range(first, first + queries):
        seen = range(0 if window is None else max(0, query - window + 1), query + 1)
        visible += len(seen)
        attended += sum(key < SINK or key > query - LOCAL for key in seen)
    return attended, visible


def test_density_is_counted(gemma2: Any, adapt: MakeAdapter) -> None:
    """Sink and local over every query of question and answer, in a sliding and a full layer, and all together."""
    report = adapt(gemma2, *MASKERS).process_request(Request(CONTEXT, [QUESTION, "Where?"])).report
    windows = {0: WINDOW, 1: None}
    totals = [0, 0]
    for layer in report.layers:
        sums = [0, 0]
        for answer in report.answers:
            # The last token of an answer is never read.
            pair = counted(
                report.context_tokens, answer.question_tokens + answer.answer_tokens - 1, windows[layer.layer]
            )
            sums = [sums[0] + pair[0], sums[1] + pair[1]]
        assert layer.density == pytest.approx([sums[0] / sums[1]] * 4, abs=1e-7)
        assert layer.sparse_calls == sum(answer.answer_tokens for answer in report.answers)
        totals = [totals[0] + sums[0], totals[1] + sums[1]]
    assert report.density == pytest.approx(totals[0] / totals[1], abs=1e-9)
    assert report.sparse_calls == sum(layer.sparse_calls for layer in report.layers)


def test_keys_are_counted_for_each_answer(gemma2: Any, adapt: MakeAdapter) -> None:
    """Each question's own keys, by hand, over two layers of four heads; their sums give the request's density."""
    report = adapt(gemma2, *MASKERS).process_request(Request(CONTEXT, [QUESTION, "Where?"])).report
    for answer in report.answers:
        queries = answer.question_tokens + answer.answer_tokens - 1
        pairs = [counted(report.context_tokens, queries, window) for window in (WINDOW, None)]
        assert answer.attended == 4 * sum(attended for attended, _ in pairs)
        assert answer.visible == 4 * sum(visible for _, visible in pairs)
        assert answer.density == answer.attended / answer.visible
    assert report.density == sum(each.attended or 0 for each in report.answers) / sum(
        each.visible or 0 for each in report.answers
    )


def test_an_answer_knows_what_the_indexes_hold(llama: Any, adapt: MakeAdapter) -> None:
    """After each answer the context's indexes alone are left: as many bytes as the request's report says, not none."""
    adapter = adapt(llama, *MASKERS, {"kind": "quest", "page_size": 4, "budget": 8})
    report = adapter.process_request(Request(CONTEXT, [QUESTION, "Where?"])).report
    assert [answer.index_bytes for answer in report.answers] == [report.index_bytes] * 2
    assert report.index_bytes > 0


def test_an_answer_without_sparse_calls_has_no_keys(llama: Any, adapt: MakeAdapter) -> None:
    """Where only generated tokens are sparse, an answer of one token attends to nothing sparsely: None, not 0."""
    adapter = adapt(llama, *MASKERS, protocol={"sparse_from": "generation"})
    answer = adapter.process_request(Request(CONTEXT, QUESTION), {"max_new_tokens": 1}).report.answers[0]
    assert (answer.attended, answer.visible, answer.density) == (None, None, None)


def test_measuring_changes_no_answer(model: Any, adapt: MakeAdapter) -> None:
    """With the error measured or not, the answers, and all that was counted, are the same."""
    adapter = adapt(model, *MASKERS)
    request = Request(CONTEXT, [QUESTION, "Where?"])
    plain, measured = adapter.process_request(request), adapter.process_request(request, measure_error=True)
    assert measured.responses == plain.responses
    assert measured.report.density == plain.report.density
    assert [layer.output_error for layer in plain.report.layers] == [None] * model.config.num_hidden_layers
    errors = [layer.output_error for layer in measured.report.layers if layer.layer in adapter.layers]
    assert all(error is not None and error > 0.01 for error in errors)
    assert measured.report.output_error == pytest.approx(sum(error or 0 for error in errors) / len(errors))


def test_a_full_mask_has_no_error(model: Any, adapt: MakeAdapter) -> None:
    """Every visible key, density 1 and, but for rounding, no difference from dense attention."""
    report = adapt(model, {"kind": "causal"}).process_request(Request(CONTEXT, QUESTION), measure_error=True).report
    assert report.density == 1.0
    sparse = [layer for layer in report.layers if layer.mode == "sparse"]
    assert sparse
    assert all(layer.output_error is not None and layer.output_error < 1e-6 for layer in sparse)


def test_density_and_error_go_together(llama: Any, adapt: MakeAdapter) -> None:
    """The more keys an oracle keeps, the nearer its outputs are to the dense ones."""
    errors = []
    for budget in (0.02, 0.1, 0.5, 1.0):
        adapter = adapt(llama, {"kind": "oracle_top_k", "budget": budget})
        report = adapter.process_request(Request(CONTEXT, QUESTION), measure_error=True).report
        assert report.density == pytest.approx(budget, abs=0.01)
        assert report.output_error is not None
        errors.append(report.output_error)
    assert errors == sorted(errors, reverse=True)
    assert errors[-1] < 1e-6 < errors[0]


def test_a_report_names_its_origin(llama: Any, adapt: MakeAdapter) -> None:
    """Model, protocol, maskers with the version of their package, dense layers, seed, generation options."""
    adapter = adapt(llama, *MASKERS, attention={"dense_layers": [1], "seed": 7})
    report = adapter.process_request(Request(CONTEXT, QUESTION), {"max_new_tokens": 2}).report
    assert (report.model, report.model_type, report.dtype, report.device) == (
        "LlamaForCausalLM",
        "llama",
        "float32",
        "cpu",
    )
    assert (report.protocol, report.seed, report.dense_layers, report.chat) == ("question", 7, (1,), False)
    assert [(m.kind, m.distribution, m.version) for m in report.maskers] == [
        (kind, "sah-masker-window", version("sah-masker-window")) for kind in ("sink", "local")
    ]
    assert report.maskers[0].config == {"kind": "sink", "size": SINK}
    assert report.versions["transformers"] == version("transformers")
    assert report.versions.get("numba") == (None if loops_missing() else version("numba"))
    assert report.generation["max_new_tokens"] == 2
    assert report.generation["eos_token_id"] == [257]
    assert [(layer.mode, layer.sparse_calls) for layer in report.layers] == [("sparse", 2), ("dense", 0)]


def test_a_dense_report(llama: Any, adapt: MakeAdapter) -> None:
    """Without an attention config: protocol dense, no maskers, no densities; tokens and seconds all the same."""
    report = adapt(llama).process_request(Request(CONTEXT, [QUESTION])).report
    assert (report.protocol, report.maskers, report.layers, report.density, report.seed) == (
        "dense",
        (),
        (),
        None,
        None,
    )
    assert report.context_prefills == 1
    assert report.answers[0].answer_tokens == 6
    assert (report.answers[0].attended, report.answers[0].visible, report.answers[0].density) == (None, None, None)
    assert 0 < report.answers[0].first_token_seconds < report.answers[0].seconds
    assert report.prefill_seconds > 0


def test_a_report_is_plain_json(llama: Any, adapt: MakeAdapter) -> None:
    """`to_json` holds what `to_dict` does, the totals among it."""
    report = adapt(llama, *MASKERS).process_request(Request(CONTEXT, [QUESTION, "Where?"]), measure_error=True).report
    read = json.loads(report.to_json())
    assert read == json.loads(json.dumps(report.to_dict()))
    assert read["layers"][0]["density"] == list(report.layers[0].density or ())
    assert read["question_tokens"] == len(QUESTION) + len("Where?")
    assert read["decode_seconds"] == pytest.approx(sum(answer.seconds for answer in report.answers))
    assert read["output_error"] == report.output_error
