"""End to end on the embedded trained model: real questions, real answers, through a whole run config."""

from __future__ import annotations

from typing import Any

import pytest

from sah_hf import ModelAdapterHF, Request
from sah_model_needle import NeedleSample, NeedleTask

WINDOW = [{"kind": "sink", "size": 4}, {"kind": "local", "window": 64}]


@pytest.fixture(scope="module")
def sample() -> NeedleSample:
    """16 questions about 1024 tokens with 42 hidden records."""
    return NeedleTask(length=1024, questions=16).sample(seed=5)


def answered(
    sample: NeedleSample, maskers: list[dict[str, Any]] | None, kind: str = "research", **sections: Any
) -> tuple[list[str], Any]:
    attention = {} if maskers is None else {"attention": {"kind": kind, "maskers": maskers}}
    run = {"version": 1, "model": "needle", "generation": {"max_new_tokens": 8}, **attention, **sections}
    response = ModelAdapterHF.from_config(run).process_request(Request(sample.context, sample.questions))
    assert isinstance(response.responses, list)
    assert response.report.model == "needle"
    assert response.report.context_prefills == 1
    assert response.report.context_tokens == 1024
    return response.responses, response.report


def right(sample: NeedleSample, responses: list[str]) -> int:
    return sum(said == answer for said, answer in zip(responses, sample.answers, strict=True))


def test_dense_answers_are_right(sample: NeedleSample) -> None:
    """The trained model reads the context: 15 of 16 at least, and it stops by itself after three words."""
    responses, report = answered(sample, None)
    assert right(sample, responses) >= 15
    assert report.protocol == "dense"
    assert all(answer.answer_tokens == 4 for answer in report.answers)


def test_an_oracle_answers_as_dense_attention_does(sample: NeedleSample) -> None:
    """A tenth of the keys, chosen by their exact logits, is enough."""
    responses, report = answered(sample, [*WINDOW, {"kind": "oracle_top_k", "budget": 0.03}])
    assert right(sample, responses) >= 15
    assert 0.05 < report.density < 0.12


def test_a_window_cannot_answer(sample: NeedleSample) -> None:
    """At the same density sink and local do not see most records: the context was not read for them."""
    responses, report = answered(sample, [{"kind": "sink", "size": 4}, {"kind": "local", "window": 100}])
    assert right(sample, responses) <= 5
    assert 0.05 < report.density < 0.12


@pytest.mark.parametrize(
    ("masker", "enough"),
    [
        ({"kind": "quest", "page_size": 4, "budget": 0.1}, True),
        ({"kind": "random", "rate": 0.05}, False),
    ],
    ids=["quest", "random"],
)
def test_the_efficient_backend_answers_as_research_does(
    sample: NeedleSample, masker: dict[str, Any], enough: bool
) -> None:
    """The same config with `kind: efficient`: the same words, right or wrong, from as many keys, no full product."""
    research, expected = answered(sample, [*WINDOW, masker])
    efficient, report = answered(sample, [*WINDOW, masker], kind="efficient")
    assert efficient == research
    assert report.density == expected.density
    assert expected.paths == {"product": report.sparse_calls}
    assert "product" not in report.paths
    assert sum(report.paths.values()) == report.sparse_calls
    assert right(sample, efficient) >= 15 if enough else right(sample, efficient) <= 5


def test_the_protocol_decides(sample: NeedleSample) -> None:
    """With the question read densely, and only the answer sparse, the first word is the dense one also without keys."""
    dense, _ = answered(sample, None)
    narrow = [{"kind": "sink", "size": 1}, {"kind": "local", "window": 2}]
    responses, report = answered(sample, narrow, protocol={"sparse_from": "generation"})
    assert report.protocol == "generation"
    assert [response.split()[0] for response in responses] == [response.split()[0] for response in dense]
    assert responses != dense
