"""A run config without attention is lm_eval's own model, to the last digit."""

from __future__ import annotations

from typing import Any

import pytest
from lm_eval.evaluator import evaluate  # type: ignore[import-untyped]  # lm_eval publishes no types

from .conftest import NAMES, Make, asked, loaded


@pytest.mark.usefixtures("offline")
@pytest.mark.parametrize("batch_size", [1, 4])
def test_every_kind_of_request(make: Make, own: Any, batch_size: int) -> None:
    """Generation, choices, likelihoods and rolling likelihoods: every answer to every request, and every metric."""
    results = [
        evaluate(model, loaded(NAMES), bootstrap_iters=0)
        for model in (make(options={"batch_size": batch_size}), own(batch_size=batch_size))
    ]
    ours, theirs = results
    assert ours["results"] == theirs["results"]
    for task in NAMES:
        assert [each["resps"] for each in ours["samples"][task]] == [each["resps"] for each in theirs["samples"][task]]
    assert ours["results"]["needle_generate"]["exact_match,none"] == 1.0


def test_tokenizer_options_are_those_of_lm_eval(make: Make, own: Any) -> None:
    """What is for whoever loads the tokenizer gives the tokens that it gives there."""
    ours, theirs = make(options={"add_bos_token": False}), own(add_bos_token=False)
    text = "river kilin one two three . stone"
    assert ours.tok_encode(text) == theirs.tok_encode(text) != own().tok_encode(text)
    assert ours.tok_batch_encode([text])[0].tolist() == theirs.tok_batch_encode([text])[0].tolist()


def test_the_configs_generation_options_are_defaults(make: Make, own: Any) -> None:
    """They hold where a task says nothing; where it does, also by another name of lm_eval's, the task wins."""
    prompt = "river kilin one two three . stone ? kilin"
    model = make(generation={"max_new_tokens": 2, "repetition_penalty": 100.0})
    plain, longer, both = (
        asked(prompt),
        asked(prompt, max_tokens=3),
        asked(prompt, max_tokens=3, repetition_penalty=1.0),
    )
    repeating: dict[str, Any] = {"repetition_penalty": 100.0}
    expected = [asked(prompt, max_gen_toks=2, **repeating), asked(prompt, max_gen_toks=3, **repeating), both]
    found = model.generate_until([plain, longer, both])
    assert found == own().generate_until(expected)
    assert found[2] == "one two three"
    assert len(set(found)) == 3
    assert plain.args[1] == {"until": [], "do_sample": False}


def test_the_report_says_dense(make: Make) -> None:
    """Nothing was sparse, and nothing is counted."""
    report = make().report
    assert (report["protocol"], report["tasks"], report["config"]["attention"]) == ("dense", {}, None)
