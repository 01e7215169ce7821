"""Speed and memory of each phase of a request: by hand, by what is allocated, and not disturbed by one another."""

from __future__ import annotations

import sys
from typing import Any

import pytest
import torch
from tests.hf.conftest import MakeAdapter

from sah_hf import AnswerReport, Request
from sah_hf.reports.peak_memory import PeakMemory
from sah_hf.reports.report import PhaseReport

REQUEST = Request("A mole lives at 7 Elm Row.", ["Who?", "Where is that?"])
MIB = 2**20
on_linux = pytest.mark.skipif(sys.platform != "linux", reason="elsewhere nobody tells the peak of a part")


def answer(**changes: Any) -> AnswerReport:
    return AnswerReport(
        **{
            "question_tokens": 10,
            "answer_tokens": 5,
            "first_token_seconds": 0.5,
            "seconds": 2.5,
            "attended": None,
            "visible": None,
            "index_bytes": 0,
            **changes,
        }
    )


def test_an_answers_speed_is_that_of_its_later_tokens() -> None:
    """Ten tokens of a question in half a second are 20 a second; the first token is theirs, the other four took two."""
    report = answer(question_peak_bytes=7, answer_peak_bytes=9)
    assert (report.question, report.answer) == (PhaseReport(10, 0.5, 7), PhaseReport(4, 2.0, 9))
    assert (report.question.tokens_per_second, report.answer.tokens_per_second) == (20.0, 2.0)
    assert report.to_dict()["phases"]["answer"] == {
        "tokens": 4,
        "seconds": 2.0,
        "peak_bytes": 9,
        "tokens_per_second": 2.0,
    }


def test_an_answer_of_one_token_has_no_speed() -> None:
    """Nothing was generated after the token that the question gave, or no token at all."""
    for tokens in (0, 1):
        report = answer(answer_tokens=tokens, first_token_seconds=0.5, seconds=0.5)
        assert (report.answer.tokens, report.answer.tokens_per_second) == (0, None)


def test_phases_together() -> None:
    """Tokens and seconds are added, the highest peak is the peak; unknown ones are no peak."""
    parts = [PhaseReport(1, 0.5, None), PhaseReport(2, 0.25, 30), PhaseReport(3, 0.25, 20)]
    assert PhaseReport.together(parts) == PhaseReport(6, 1.0, 30)
    assert PhaseReport.together(parts[:1]).peak_bytes is None
    assert PhaseReport.together([]).tokens_per_second is None


def test_a_requests_phases_add_up(llama: Any, adapt: MakeAdapter) -> None:
    """Context, questions and answers, in to_dict too: tokens and seconds are those of the report."""
    report = adapt(llama, {"kind": "local", "window": 3}).process_request(REQUEST).report
    phases = report.phases
    assert (phases["context"].tokens, phases["questions"].tokens) == (report.context_tokens, report.question_tokens)
    assert phases["answers"].tokens == report.answer_tokens - len(report.answers)
    assert phases["questions"].seconds + phases["answers"].seconds == pytest.approx(report.decode_seconds)
    plain = report.to_dict()
    assert plain["phases"]["context"]["tokens_per_second"] == report.context_tokens / report.prefill_seconds
    assert plain["answers"][1]["phases"]["question"] == report.answers[1].question.to_dict()


@on_linux
def test_the_peak_of_each_phase(llama: Any, adapt: MakeAdapter) -> None:
    """A tensor that lives only while the first question is read is in that question's peak, and in no other phase's."""
    adapter = adapt(llama, {"kind": "local", "window": 3})
    held = 256 * MIB
    calls = 0

    def allocate(*_: Any) -> None:
        nonlocal calls
        calls += 1
        if calls == 2:  # of layer 0: the first reads the context, the second the first question
            torch.ones(held // 4)

    hook = llama.model.layers[0].register_forward_pre_hook(allocate)
    try:
        report = adapter.process_request(REQUEST).report
    finally:
        hook.remove()
    first, second = report.answers
    assert first.question_peak_bytes is not None
    for other in (
        report.context_peak_bytes,
        first.answer_peak_bytes,
        second.question_peak_bytes,
        second.answer_peak_bytes,
    ):
        assert other is not None
        assert 2**24 < other < first.question_peak_bytes - held // 2
    assert report.phases["questions"].peak_bytes == first.question_peak_bytes


@on_linux
def test_watches_do_not_disturb_each_other() -> None:
    """A lap of one watch begins no lap of another: what is allocated and freed between is in both."""
    outer = PeakMemory([torch.device("cpu")])
    before = outer.lap()
    inner = PeakMemory([torch.device("cpu")])
    torch.ones(256 * MIB // 4)
    laps = [inner.lap(), inner.lap(), outer.lap(), outer.lap()]
    assert before is not None
    assert [lap is not None and lap > before + 128 * MIB for lap in laps] == [True, False, True, False]
