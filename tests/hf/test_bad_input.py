"""Bad requests, options and rows: each a sentence that says what was given and what was expected."""

from __future__ import annotations

from typing import Any

import pytest

from sah_core import ConfigError, EmptyRowError, NumericalError, UnknownMaskerError
from sah_hf import GenerationError, ModelAdapterHF, Request, RequestError

from .conftest import MakeAdapter, build_model

SINK = {"kind": "sink", "size": 2}


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (("", "Who?"), "the context is empty"),
        ((" \n", "Who?"), "the context is empty"),
        (("Moles.", []), "the list of questions is empty"),
        (("Moles.", ""), "question 0 is empty"),
        (("Moles.", ["Who?", " "]), "question 1 is empty"),
        (("Moles.", ["Who?", 3]), "question 1 should be a string, not int"),
        (("Moles.", 3), "questions should be a string or a list of strings, not int"),
        ((None, "Who?"), "context should be a string, not NoneType"),
        (("Moles.", "Who?", 5), "answer_prefix should be a string, not int"),
    ],
)
def test_bad_requests(arguments: tuple[Any, ...], said: str) -> None:
    """A request that asks nothing, or about nothing, is refused before any model is needed."""
    with pytest.raises(RequestError, match=said) as caught:
        Request(*arguments)
    assert caught.value.exit_code == 2


def test_an_answer_prefix_may_stand_for_a_question(llama: Any, adapt: MakeAdapter) -> None:
    """A text to be continued needs no question."""
    assert adapt(llama).process_request(Request("Moles.", "", "They")).report.question_tokens == 4


def test_no_tokenizer(llama: Any) -> None:
    """A loaded model without a tokenizer generates, but answers no text."""
    with pytest.raises(RequestError, match="this adapter has no tokenizer"):
        ModelAdapterHF(llama, {"maskers": [SINK]}).process_request(Request("Moles.", "Who?"))


def test_longer_than_the_models_positions(llama: Any, adapt: MakeAdapter) -> None:
    """Context and question that leave no position for an answer are refused before anything is read; one more fits."""
    adapter = adapt(llama, SINK)
    fits = Request("m" * 500, ["Who?", "q" * 10])
    assert adapter.process_request(fits, {"max_new_tokens": 9}).report.answers[1].answer_tokens == 1
    with pytest.raises(
        RequestError, match=r"question 1 does not fit: 501 context tokens and 11 question tokens .* 512"
    ):
        adapter.process_request(Request("m" * 500, ["Who?", "q" * 11]))


def test_a_row_with_nothing_selected(llama: Any, adapt: MakeAdapter, tokenizer: Any) -> None:
    """A masker that keeps nothing of what a query sees: the core's error, with the layer, through `generate`."""
    adapter = adapt(build_model("gemma2"), SINK)
    with pytest.raises(EmptyRowError, match="layer 0, batch row 0, query head 0"):
        adapter.process_request(Request("A mole lives at 7 Elm Row. " * 4, "Who?"))


def test_not_a_number(adapt: MakeAdapter) -> None:
    """NaN in a layer's keys reaches nobody as an answer."""
    model = build_model("llama")
    adapter = adapt(model, SINK, {"kind": "local", "window": 4})
    model.model.layers[1].self_attn.k_proj.weight.data.fill_(float("nan"))
    with pytest.raises(NumericalError, match="layer 1"):
        adapter.process_request(Request("Moles dig.", "Who?"))


@pytest.mark.parametrize(
    ("options", "said"),
    [
        ({"max_new_token": 3}, "unknown generation option 'max_new_token', did you mean 'max_new_tokens'?"),
        ({"frobnicate": 3}, "unknown generation option 'frobnicate'; see transformers.GenerationConfig"),
        ({"max_new_tokens": 0}, "max_new_tokens should be a positive whole number, not 0"),
        ({"max_new_tokens": True}, "max_new_tokens should be a positive whole number, not True"),
        ({"max_new_tokens": 2.5}, "max_new_tokens should be a positive whole number, not 2.5"),
        ({"do_sample": "yes"}, "do_sample should be true or false, not 'yes'"),
        ({"temperature": 0.5}, "temperature has no effect on a greedy search: add do_sample: true"),
        ({"do_sample": True, "temperature": -1.0}, "strictly positive float"),
        ({"do_sample": True, "top_p": 1.5}, "top_p"),
        ({"repetition_penalty": -2.0}, "strictly positive float"),
        ({"eos_token_id": "<eos>"}, "eos_token_id should be a token id or a list of them, not '<eos>'"),
        ({"num_beams": 4}, "ask for beam search"),
        ({"prompt_lookup_num_tokens": 4}, "ask for assisted generation"),
        ({"prefill_chunk_size": 4}, "prefill_chunk_size cannot be set: a request reads its context in one forward"),
        ({"use_cache": False}, "use_cache cannot be set: a request always keeps a KV cache"),
        ({"cache_implementation": "static"}, "cache_implementation cannot be set"),
        ({"max_length": 40}, "max_length cannot be set: .* write max_new_tokens"),
        ({"num_return_sequences": 2}, "num_return_sequences cannot be set"),
        ({"guidance_scale": 2.0}, "guidance_scale cannot be set"),
    ],
)
def test_bad_generation_options(llama: Any, adapt: MakeAdapter, options: dict[str, Any], said: str) -> None:
    """Refused when the adapter is made, and when a request overrides with it."""
    with pytest.raises(GenerationError, match=said) as caught:
        adapt(llama, generation=options)
    assert caught.value.exit_code == 2
    with pytest.raises(GenerationError, match=said):
        adapt(llama).process_request(Request("Moles.", "Who?"), options)


@pytest.mark.parametrize(
    ("sections", "error", "said"),
    [
        ({"attention_config": {"maskers": [{"kind": "sinc"}]}}, UnknownMaskerError, "did you mean 'sink'"),
        ({"attention_config": {"maskers": [{"kind": "sink", "size": 0}]}}, ConfigError, r"attention.maskers\[0\].size"),
        ({"attention_config": {"maskers": []}}, ConfigError, "at least one masker"),
        ({"attention_config": [SINK]}, ConfigError, "attention"),
        ({"protocol": {"sparse_from": "prompt"}}, ConfigError, "protocol.sparse_from"),
        ({"generation": [3]}, ConfigError, "generation: Input should be a mapping"),
    ],
)
def test_bad_configs(llama: Any, sections: dict[str, Any], error: type[Exception], said: str) -> None:
    """The same errors, with the same paths, as a config file gives."""
    with pytest.raises(error, match=said):
        ModelAdapterHF(llama, **sections)
