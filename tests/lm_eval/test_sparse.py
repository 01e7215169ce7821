"""Sparse attention in lm_eval: what a full mask must give, what the protocol says, what is read how often."""

from __future__ import annotations

import random
from collections.abc import Callable
from typing import Any

import pytest
import torch
from lm_eval.api.model import CachingLM  # type: ignore[import-untyped]  # lm_eval publishes no types
from lm_eval.evaluator import evaluate  # type: ignore[import-untyped]  # the same
from tests.hf.report.test_not_sparse import turn_dense

from sah_core import UsageError
from sah_hf import NotSparseError
from sah_lm_eval import SahLM

from .conftest import FULL, NAMES, ORACLE, WINDOW, Make, asked, loaded, rolled, scored

STORY = "river kilin one two three . stone grass rain wind moon tovel six six four . tree lamp box bag page line word"
VALUES = ["one two three", "six six four", "two", "one two nine"]
PROTOCOLS = ("question", "generation", "context")


def filled(model: SahLM) -> list[int]:
    """How many tokens the KV cache holds before each forward of the model from now on."""
    seen: list[int] = []

    def look(module: Any, args: Any, keywords: dict[str, Any]) -> None:
        cache = keywords.get("past_key_values")
        seen.append(0 if cache is None else int(cache.get_seq_length()))

    model.model.register_forward_pre_hook(look, with_kwargs=True)
    return seen


@pytest.mark.usefixtures("offline")
@pytest.mark.parametrize("protocol", PROTOCOLS)
def test_full_mask_is_lm_evals_own_model(make: Make, own: Any, protocol: str) -> None:
    """With every key kept: the same texts, the same greedy flags, log-likelihoods that differ in their last digits."""
    found = evaluate(make(FULL, protocol={"sparse_from": protocol}), loaded(NAMES), bootstrap_iters=0)
    expected = evaluate(own(), loaded(NAMES), bootstrap_iters=0)
    for task in NAMES[:3]:
        assert found["results"][task] == expected["results"][task]
    pairs = [
        (ours["resps"], theirs["resps"])
        for task in NAMES
        for ours, theirs in zip(found["samples"][task], expected["samples"][task], strict=True)
    ]
    for ours, theirs in pairs:
        for (mine,), (its,) in zip(ours, theirs, strict=True):
            assert mine == (its if isinstance(its, str) else pytest.approx(its, rel=1e-5, abs=1e-4))


@pytest.mark.usefixtures("offline")
def test_methods_differ_in_the_tables(make: Make) -> None:
    """A small window finds no record, a tenth of the keys that the oracle chooses finds all."""
    window, oracle = (make(maskers) for maskers in (WINDOW, ORACLE))
    lost, kept = (evaluate(model, loaded(NAMES[:3]), bootstrap_iters=0)["results"] for model in (window, oracle))
    assert lost["needle_generate"]["exact_match,none"] == 0.0
    assert lost["needle_choice"]["acc,none"] < 0.6
    assert lost["needle_likelihood"]["acc,none"] == 0.0
    assert kept["needle_generate"]["exact_match,none"] == 1.0
    assert kept["needle_choice"]["acc,none"] == 1.0
    assert kept["needle_likelihood"]["acc,none"] == 1.0
    for task in NAMES[:3]:
        assert window.report["tasks"][task]["density"] < oracle.report["tasks"][task]["density"] < 0.2


@pytest.mark.parametrize("protocol", PROTOCOLS)
def test_a_context_is_read_once(make: Make, protocol: str) -> None:
    """Continuations of two questions about one context, and answers to both: one forward began without a cache."""
    model = make(ORACLE, protocol={"sparse_from": protocol})
    seen = filled(model)
    texts = [f"{STORY}\n\n? {key}" for key in ("kilin", "tovel")]
    model.loglikelihood([scored(text, f" {value}") for value in VALUES for text in texts])
    # Each continuation and question has a forward; two share one, which differ in their last token alone.
    assert seen == [0] + [24] * 6
    model.generate_until([asked(text, max_gen_toks=8) for text in texts])
    assert seen.count(0) == 1


def test_results_are_in_the_requests_order(make: Make) -> None:
    """Requests in another order have the same results, each its own, to the last bit."""
    model = make(ORACLE)
    requests = [
        scored(f"{STORY * count}\n\n? {key}", f" {value}")
        for count in (2, 1)
        for key in ("kilin", "tovel")
        for value in VALUES
    ]
    answers = [asked(each.args[0], max_gen_toks=3) for each in requests[:: len(VALUES)]]
    found, texts = model.loglikelihood(requests), model.generate_until(answers)
    assert texts == ["one two three", "six six four"] * 2
    order = list(range(len(requests)))
    random.Random(0).shuffle(order)
    assert model.loglikelihood([requests[number] for number in order]) == [found[number] for number in order]
    assert model.generate_until(answers[::-1]) == texts[::-1]
    assert len(set(found)) == len(found)


def test_one_token_choices_after_a_dense_question(make: Make, own: Any, caplog: pytest.LogCaptureFixture) -> None:
    """With sparse generation alone they are scored by the question's last row, which is dense: a warning says so."""
    model = make(WINDOW, protocol={"sparse_from": "generation"})
    requests = [scored(f"{STORY}\n\n? kilin", f" {value}", task="letters") for value in ("one", "two", "six")]
    found = model.loglikelihood(requests)
    expected = own().loglikelihood(requests)
    assert [each for pair in found for each in pair] == pytest.approx([each for pair in expected for each in pair])
    tally = model.report["tasks"]["letters"]
    assert (tally["density"], tally["sparse_forwards"], tally["dense_forwards"]) == (None, 0, 1)
    model.get_model_info()
    (said,) = [each for each in caplog.records if each.name == "lm_eval.models.sah"]
    assert said.levelname == "WARNING"
    assert "letters, sparse from the generation on: nothing was sparse; 3 requests" in said.getMessage()


@pytest.mark.parametrize("length", [1, 2, 3, 12, 25, 26])
def test_prompts_are_shortened_from_the_left(make: Make, own: Any, length: int) -> None:
    """With room for fewer tokens a score is what lm_eval's own model gives, which drops the same ones."""
    model = make(FULL, options={"max_length": length})
    requests = [scored(f"{STORY}\n\n? kilin", f" {value}") for value in VALUES if len(value.split()) <= length]
    found = model.loglikelihood(requests)
    expected = own(max_length=length).loglikelihood(requests)
    for ours, theirs in zip(found, expected, strict=True):
        assert ours == pytest.approx(theirs, abs=1e-4)


@pytest.mark.parametrize("length", [9, 10, 20, 60])
def test_answers_to_shortened_prompts(make: Make, own: Any, length: int) -> None:
    """The same for answers, which need room of their own."""
    request = asked(f"{STORY} ? kilin", max_gen_toks=8)
    assert make(FULL, options={"max_length": length}).generate_until([request]) == own(
        max_length=length
    ).generate_until([request])


def test_no_room_for_a_prompt(make: Make) -> None:
    """An answer that may be as long as the model leaves none."""
    with pytest.raises(
        UsageError, match=r"answers of 8 tokens, which leaves no room .* max_length is 8; set max_gen_toks"
    ):
        make(FULL, options={"max_length": 8}).generate_until([asked(STORY, max_gen_toks=8)])


@pytest.mark.parametrize("protocol", PROTOCOLS)
@pytest.mark.parametrize("prompt", ["", "<bos>", "kilin"])
def test_prompts_of_a_token_or_two(make: Make, own: Any, prompt: str, protocol: str) -> None:
    """A prompt of one token, also lm_eval's for an empty one, has no context; two are a context and a question."""
    model = make(FULL, protocol={"sparse_from": protocol})
    requests = [scored(prompt, f"{' ' * bool(prompt)}{value}") for value in VALUES]
    found = model.loglikelihood(requests)
    for ours, theirs in zip(found, own().loglikelihood(requests), strict=True):
        assert ours == pytest.approx(theirs, abs=1e-4)
    assert model.report["tasks"]["asked"]["splits"] == {"last token" if prompt == "kilin" else "one token": 4}
    request = asked(prompt or "<bos>", max_gen_toks=4)
    assert model.generate_until([request]) == own().generate_until([request])
    assert model.generate_until([asked("", max_gen_toks=4)]) == own().generate_until([asked("<bos>", max_gen_toks=4)])


@pytest.mark.parametrize(
    "options",
    [
        {"until": ["two"]},
        {"until": "two three"},
        {"until": ["nine", "three", "two"]},
        {"until": ["."], "max_gen_toks": 2},
        {"max_tokens": 1},
        {"temperature": 0.7, "top_p": 0.9},
        {"do_sample": None, "temperature": 0.0},
        {"repetition_penalty": 100.0, "max_gen_toks": 5},
        {"min_new_tokens": 7, "max_gen_toks": 7},
    ],
    ids=str,
)
def test_answers_end_as_lm_evals(make: Make, own: Any, options: dict[str, Any]) -> None:
    """At the same strings, after as many tokens, by the same options; strings that end an answer are cut off."""
    request = asked(f"{STORY} ? kilin", **options)
    assert make(FULL).generate_until([request]) == own().generate_until([request])


@pytest.mark.parametrize("think_end", ["one", "two", "490", "nine"])
def test_what_was_thought_is_left_out(make: Make, own: Any, think_end: str) -> None:
    """What stands before the last end of thinking, a word or a token's number, is no answer."""
    request = asked(f"{STORY} ? kilin", max_gen_toks=8)
    options = {"think_end_token": think_end}
    assert make(FULL, options=options).generate_until([request]) == own(**options).generate_until([request])


@pytest.mark.parametrize("maskers", [FULL, WINDOW], ids=["full", "window"])
@pytest.mark.parametrize("protocol", PROTOCOLS)
def test_rolling_windows(make: Make, own: Any, maskers: list[dict[str, Any]], protocol: str) -> None:
    """lm_eval's windows, every row but the first of each sparse; the last one repeats tokens of the one before.

    Those are its question: dense where only what is generated is sparse. 24 tokens, <bos> among them, are 9 + 9 + 6
    that are predicted after 1, 1 and 4 that are given. Each window has nine rows, which see 1 + 2 + ... + 9 keys.
    """
    model = make(maskers, options={"max_length": 9}, protocol={"sparse_from": protocol})
    request = rolled(STORY)
    (found,), (expected,) = model.loglikelihood_rolling([request]), own(max_length=9).loglikelihood_rolling([request])
    if maskers is FULL:
        assert found == pytest.approx(expected, abs=1e-3)
    tally = model.report["tasks"]["asked"]
    dense_rows = 1 + 1 + (1 + 2 + 3 + 4) if protocol == "generation" else 0
    assert tally["visible"] == 4 * 4 * (3 * 45 - dense_rows)
    assert (tally["splits"], tally["sparse_forwards"], tally["dense_forwards"]) == ({"window": 3}, 3, 0)


def test_rolling_texts_are_apart(make: Make) -> None:
    """Each text has what it has alone."""
    model = make(ORACLE, options={"max_length": 16})
    first, second = rolled(STORY), rolled("kilin one two three .")
    assert model.loglikelihood_rolling([first, second, first]) == [
        *model.loglikelihood_rolling([first]),
        *model.loglikelihood_rolling([second]),
        *model.loglikelihood_rolling([first]),
    ]


def test_a_layer_that_stays_dense(make: Make) -> None:
    """It is an error, whatever is asked."""
    prompt = f"{STORY} ? kilin"
    asking: tuple[Callable[[SahLM], Any], ...] = (
        lambda model: model.loglikelihood([scored(prompt, " one two")]),
        lambda model: model.generate_until([asked(prompt, max_gen_toks=3)]),
        lambda model: model.loglikelihood_rolling([rolled(prompt)]),
    )
    for ask in asking:
        model = make(WINDOW)
        ask(model)
        model.model.model.layers[0].register_forward_pre_hook(lambda *_, model=model: turn_dense(model.model))
        with pytest.raises(NotSparseError, match="layer 1 in"):
            ask(model)


def test_lm_evals_cache_of_answers(make: Make, tmp_path: Any) -> None:
    """--use_cache: what was answered is not asked again, also by a run that was broken off amid its requests."""
    model = make(WINDOW)
    seen = filled(model)
    cached = CachingLM(model, str(tmp_path / "answers.db"))
    scores = [scored(f"{STORY}\n\n? kilin", f" {value}") for value in VALUES]
    texts = [asked(f"{STORY}\n\n? {key}", max_gen_toks=3) for key in ("kilin", "tovel")]
    alone = make(WINDOW)
    partly = model.loglikelihood(scores[:2])  # hands each over as it comes
    count = len(seen)
    assert cached.loglikelihood(scores[:2]) == [partly[0], partly[1]]
    assert len(seen) == count
    assert cached.loglikelihood(scores) == alone.loglikelihood(scores)
    assert cached.generate_until(texts) == alone.generate_until(texts)
    count = len(seen)
    assert cached.loglikelihood(scores) + cached.generate_until(texts) == alone.loglikelihood(
        scores
    ) + alone.generate_until(texts)
    assert len(seen) == count


@pytest.mark.parametrize("options", [{"softmax_dtype": "bfloat16"}, {"mixed_precision_dtype": "bfloat16"}], ids=str)
def test_precision(make: Make, own: Any, options: dict[str, Any]) -> None:
    """Log-probabilities are rounded where `softmax_dtype` says so, and not for a model that computes in 16 bits."""
    requests = [scored(f"{STORY}\n\n? kilin", f" {value}") for value in VALUES]
    found = [logprob for logprob, _ in make(FULL, options=options).loglikelihood(requests)]
    assert found == pytest.approx(
        [logprob for logprob, _ in own(**options).loglikelihood(requests)], rel=0.02, abs=0.01
    )
    assert (torch.tensor(found).bfloat16().float().tolist() == found) == ("softmax_dtype" in options)


def test_the_batch_size_is_one(make: Make) -> None:
    """Whatever was asked for, also by itself: requests are asked one at a time."""
    assert make(WINDOW, options={"batch_size": "auto"}).batch_size == 1
    assert make(options={"batch_size": 4}).batch_size == 4
