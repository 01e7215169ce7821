"""Tokenizers that lack something: what is not needed is not missed, what cannot be is named before anything is read."""

from __future__ import annotations

import copy
from typing import Any

import pytest
from tests.hf.conftest import MakeAdapter, build_model

from sah_hf import ModelAdapterHF, Request, RequestError

NARROW = [{"kind": "sink", "size": 1}, {"kind": "local", "window": 2}]
CONTEXT = "A mole lives at 7 Elm Row."
OPTIONS = {"max_new_tokens": 4, "no_repeat_ngram_size": 1}


def test_without_an_end_of_text(adapt: MakeAdapter, tokenizer: Any) -> None:
    """With no end token in tokenizer or model, an answer stops at max_new_tokens; pad tokens are not needed either."""
    model = build_model("llama", eos_token_id=None, pad_token_id=None, bos_token_id=None)
    endless = copy.deepcopy(tokenizer)
    endless.eos_token = endless.pad_token = endless.bos_token = None
    adapter = ModelAdapterHF(model, {"maskers": NARROW}, endless, generation=OPTIONS)
    report = adapter.process_request(Request(CONTEXT, ["Who?", "Where?"])).report
    assert [answer.answer_tokens for answer in report.answers] == [4, 4]
    assert report.generation.get("eos_token_id") is None


def test_without_a_beginning_of_text(llama: Any, tokenizer: Any) -> None:
    """No token is put before the context where the tokenizer puts none before a text."""
    plain = copy.deepcopy(tokenizer)
    plain.bos_token = None
    plain.backend_tokenizer.post_processor = None
    adapter = ModelAdapterHF(llama, {"maskers": NARROW}, plain, generation=OPTIONS)
    assert adapter.process_request(Request(CONTEXT, "Who?")).report.context_tokens == len(CONTEXT)


@pytest.mark.parametrize(
    ("template", "said"),
    [
        (None, "the tokenizer has no chat template: leave out chat"),
        ("{{ raise_exception('a system turn comes first') }}", "makes nothing of a chat .*a system turn comes first"),
        ("{% for %}", "makes nothing of a chat"),
        ("{{ messages[0]['content'] * 2 }}", "shows the user's words 2 times instead of once"),
    ],
)
def test_chat_templates_that_are_of_no_use(llama: Any, tokenizer: Any, template: str | None, said: str) -> None:
    """None at all, one that refuses a user's turn, one that is no template, one that shows the words twice."""
    other = copy.deepcopy(tokenizer)
    other.chat_template = template
    with pytest.raises(RequestError, match=said):
        ModelAdapterHF(llama, None, other).process_request(Request(CONTEXT, "Who?", chat=True))


@pytest.mark.parametrize("request_", [Request(CONTEXT, "é"), Request("é", "Who?")], ids=["question", "context"])
def test_another_models_tokenizer(adapt: MakeAdapter, tokenizer: Any, request_: Request) -> None:
    """Ids beyond the model's embedding are named, in question or context; a model with more of them takes them."""
    # The bytes of é are the tokens 127 and 102; a model of 120 tokens knows the letters of the rest, and no <bos>.
    model = build_model("llama", vocab_size=120, bos_token_id=None, eos_token_id=None, pad_token_id=None)
    plain = copy.deepcopy(tokenizer)
    plain.backend_tokenizer.post_processor = None
    highest = max(plain("é")["input_ids"])
    for maskers in ([], NARROW):
        adapter = ModelAdapterHF(model, {"maskers": maskers} if maskers else None, plain, generation=OPTIONS)
        with pytest.raises(RequestError, match=f"gives the token id {highest}, and LlamaForCausalLM knows 0 to 119"):
            adapter.process_request(request_)
    model.resize_token_embeddings(259, mean_resizing=False)
    assert adapter.process_request(request_).report.answers[0].answer_tokens == 4


def test_questions_of_very_different_lengths(model: Any, adapt: MakeAdapter) -> None:
    """One letter, three hundred, and a few again, in one request: each is answered as alone."""
    questions = ["?", "Where does a mole live? " * 12, "Who lives there?"]
    adapter = adapt(model, *NARROW, generation=OPTIONS)
    together = adapter.process_request(Request(CONTEXT, questions)).responses
    assert together == [adapter.process_request(Request(CONTEXT, question)).responses for question in questions]


def test_a_context_beyond_the_models_positions(llama: Any, adapt: MakeAdapter) -> None:
    """Refused before it is read, alone or with a question, with the numbers; what fits just is read."""
    adapter = adapt(llama, *NARROW, generation=OPTIONS)
    with pytest.raises(RequestError, match=r"601 context tokens and 4 question tokens .* the model has 512: shorten"):
        adapter.process_request(Request("m" * 600, "Who?"))
    with pytest.raises(RequestError, match=r"the context does not fit: 513 tokens .* the model has 512: shorten it"):
        adapter.context("m" * 512)
    assert len(adapter.context("m" * 509).read.tokens) == 510
