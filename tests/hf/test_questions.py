"""Questions asked together get what each gets alone, from a context that is read once and left as it was."""

from __future__ import annotations

from typing import Any

import pytest

from sah_hf import AnswerReport, ModelAdapterHF, Request, RequestResponse

from .conftest import MakeAdapter

CONTEXT = "A mole lives at 7 Elm Row. " * 4  # 109 tokens with <bos>: far past the sliding window
QUESTIONS = [
    "Who lives there?",
    "Where is it, exactly, that the mole in question has made its home?",
    "Who lives there?",
]
SPARSE = [{"kind": "sink", "size": 2}, {"kind": "local", "window": 3}, {"kind": "oracle_top_k", "budget": 0.1}]


def answers(adapter: ModelAdapterHF, questions: Any, **options: Any) -> list[str]:
    response = adapter.process_request(Request(CONTEXT, questions), **options)
    return [response.responses] if isinstance(response.responses, str) else response.responses


@pytest.mark.parametrize("protocol", ["question", "generation", "dense"])
def test_together_is_alone(model: Any, adapt: MakeAdapter, protocol: str) -> None:
    """Asked together, in any place of the list, a question has the same answer as asked alone."""
    sections = {} if protocol == "dense" else {"protocol": {"sparse_from": protocol}}
    adapter = adapt(model, *([] if protocol == "dense" else SPARSE), **sections)
    together = answers(adapter, QUESTIONS)
    assert together == [answers(adapter, question)[0] for question in QUESTIONS]
    assert together[0] == together[2]
    assert together[0] != together[1], "a model that answers everything alike would prove nothing"


def test_short_context_in_a_sliding_layer(gemma2: Any, adapt: MakeAdapter) -> None:
    """Also where the question is what makes a sliding window overflow."""
    adapter = adapt(gemma2, *SPARSE)
    together = adapter.process_request(Request("A mole.", QUESTIONS)).responses
    assert together == [adapter.process_request(Request("A mole.", question)).responses for question in QUESTIONS]


def test_the_context_is_read_once(model: Any, adapt: MakeAdapter) -> None:
    """Three questions, one prefill: counted from the forwards that begin with an empty cache, and in the report."""
    seen: list[tuple[int, int]] = []

    def look(module: Any, args: Any, keywords: dict[str, Any]) -> None:
        cache = keywords.get("past_key_values")
        seen.append((keywords["input_ids"].shape[1], 0 if cache is None else int(cache.get_seq_length())))

    adapter = adapt(model, *SPARSE)
    handle = model.register_forward_pre_hook(look, with_kwargs=True)
    try:
        report = adapter.process_request(Request(CONTEXT, QUESTIONS)).report
    finally:
        handle.remove()
    assert [(length, filled) for length, filled in seen if filled == 0] == [(109, 0)]
    assert report.context_prefills == 1
    assert report.context_tokens == 109
    assert [answer.question_tokens for answer in report.answers] == [len(question) for question in QUESTIONS]
    starts = [(length, filled) for length, filled in seen if filled == 109]
    assert starts == [(len(question), 109) for question in QUESTIONS], "each question continues the context alone"


def test_the_protocols_differ_in_what_is_sparse(llama: Any, adapt: MakeAdapter) -> None:
    """From the question on: every forward after the context. From generation on: not the question's forward."""
    reports: list[RequestResponse] = [
        adapt(llama, *SPARSE, protocol={"sparse_from": protocol}).process_request(Request(CONTEXT, "Who?"))
        for protocol in ("question", "generation")
    ]
    generated = [response.report.answer_tokens for response in reports]
    assert [response.report.sparse_calls for response in reports] == [2 * generated[0], 2 * (generated[1] - 1)]
    assert [response.report.protocol for response in reports] == ["question", "generation"]


def test_generation_protocol_has_the_dense_first_token(llama: Any, adapt: MakeAdapter) -> None:
    """With sparse generation alone, the first generated token still comes from a densely read question."""
    narrow = [{"kind": "local", "window": 1}]
    one = {"max_new_tokens": 1}
    dense = answers(adapt(llama), QUESTIONS, generation=one)
    assert answers(adapt(llama, *narrow, protocol={"sparse_from": "generation"}), QUESTIONS, generation=one) == dense
    assert answers(adapt(llama, *narrow), QUESTIONS, generation=one) != dense


def test_a_request_inside_a_sparse_mode_reads_its_context_densely(llama: Any, adapt: MakeAdapter) -> None:
    """Whatever mode is open around it, a request is what its own protocol says."""
    adapter = adapt(llama, *SPARSE)
    dense = adapt(llama)
    alone, dense_alone = answers(adapter, QUESTIONS), answers(dense, QUESTIONS)
    assert alone != dense_alone
    with adapter.enable_sparse_mode():
        assert answers(adapter, QUESTIONS) == alone
        assert answers(dense, QUESTIONS) == dense_alone
    with adapter.enable_dense_mode():
        assert answers(adapter, QUESTIONS) == alone


def test_answers_arrive_as_they_are_made(llama: Any, adapt: MakeAdapter) -> None:
    """Pieces of an answer join to the answer; it is handed over, with its report, before the next question is asked."""
    events: list[tuple[str, int, str]] = []
    reports: list[AnswerReport] = []

    def keep(number: int, text: str, report: AnswerReport) -> None:
        events.append(("answer", number, text))
        reports.append(report)

    response = adapt(llama, *SPARSE).process_request(
        Request(CONTEXT, QUESTIONS),
        on_text=lambda number, text: events.append(("text", number, text)),
        on_answer=keep,
    )
    for number, answer in enumerate(response.responses):
        pieces = [text for kind, at, text in events if kind == "text" and at == number]
        assert len(pieces) > 1
        assert "".join(pieces) == answer
        assert ("answer", number, answer) in events
    numbers = [number for _, number, _ in events]
    assert numbers == sorted(numbers)
    assert tuple(reports) == response.report.answers


def test_what_was_finished_survives_an_interrupt(llama: Any, adapt: MakeAdapter) -> None:
    """Ctrl-C during the second answer: the first has been handed over, and the next request starts afresh."""
    adapter = adapt(llama, *SPARSE)
    expected = answers(adapter, QUESTIONS)
    finished: list[str] = []

    def interrupt(number: int, text: str) -> None:
        if number == 1:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        adapter.process_request(
            Request(CONTEXT, QUESTIONS), on_text=interrupt, on_answer=lambda number, text, report: finished.append(text)
        )
    assert finished == expected[:1]
    assert answers(adapter, QUESTIONS) == expected


def test_a_single_string_gives_a_single_string(llama: Any, adapt: MakeAdapter) -> None:
    """A question gives a string, a list of one a list of one."""
    adapter = adapt(llama, *SPARSE)
    alone = adapter.process_request(Request(CONTEXT, "Who?")).responses
    assert isinstance(alone, str)
    assert adapter.process_request(Request(CONTEXT, ["Who?"])).responses == [alone]
