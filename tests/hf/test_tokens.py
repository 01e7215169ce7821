"""Special tokens stand where they belong, once; a chat template is split around context and question."""

from __future__ import annotations

import copy
from typing import Any

import pytest
import torch
from tokenizers import processors

from sah_hf import Request, RequestError
from sah_hf.requests.tokens import request_tokens

from .conftest import MakeAdapter

BOS, EOS = 256, 257
TEMPLATE = (
    "{{ bos_token }}{% for message in messages %}<{{ message.role }}>{{ message.content }}</{{ message.role }}>"
    "{% endfor %}{% if add_generation_prompt %}<assistant>{% endif %}"
)


def text_of(tokenizer: Any, ids: list[int]) -> str:
    text: str = tokenizer.decode(ids)
    return text.replace("Ġ", " ")


def test_beginning_of_text_once(tokenizer: Any) -> None:
    """The context begins with it, questions have none."""
    tokens = request_tokens(tokenizer, Request("Moles dig.", ["Who digs?", "Why?"], answer_prefix=" It is"))
    assert tokens.context[0] == BOS
    assert text_of(tokenizer, tokens.context) == "<bos>Moles dig."
    assert [text_of(tokenizer, ids) for ids in tokens.questions] == ["Who digs? It is", "Why? It is"]
    assert [BOS in ids for ids in (tokens.context[1:], *tokens.questions)] == [False] * 3


def test_a_context_that_has_it_already(tokenizer: Any) -> None:
    """A context that is written with the beginning-of-text token does not get a second one."""
    tokens = request_tokens(tokenizer, Request("<bos>Moles dig.", "Who?"))
    assert text_of(tokenizer, tokens.context) == "<bos>Moles dig."


@pytest.mark.parametrize(
    ("template", "beginning"), [("<bos> $A <eos>", [BOS]), ("$A <eos>", []), ("$A", []), ("<bos> <bos> $A", [BOS, BOS])]
)
def test_no_end_before_the_question(tokenizer: Any, template: str, beginning: list[int]) -> None:
    """What a tokenizer puts before a text stays, what it puts after one goes: the text is not over yet."""
    other = copy.deepcopy(tokenizer)
    other.backend_tokenizer.post_processor = processors.TemplateProcessing(
        single=template, special_tokens=[("<bos>", BOS), ("<eos>", EOS)]
    )
    tokens = request_tokens(other, Request("dig", "Who?"))
    assert tokens.context == beginning + tokenizer("dig", add_special_tokens=False)["input_ids"]


def test_a_chat_is_split_around_the_users_words(tokenizer: Any) -> None:
    """Template, context | question, template, answer prefix; together, what the template makes of one user turn."""
    other = copy.deepcopy(tokenizer)
    other.chat_template = TEMPLATE
    tokens = request_tokens(other, Request("Moles dig.", " Who digs?", answer_prefix="Well,", chat=True))
    assert text_of(other, tokens.context) == "<bos><user>Moles dig."
    assert text_of(other, tokens.questions[0]) == " Who digs?</user><assistant>Well,"
    whole = other.apply_chat_template(
        [{"role": "user", "content": "Moles dig. Who digs?"}], tokenize=False, add_generation_prompt=True
    )
    assert tokens.context + tokens.questions[0] == other(whole + "Well,", add_special_tokens=False)["input_ids"]


def test_templates_that_cannot_be_split(tokenizer: Any) -> None:
    """No template, or one that shows the user's words twice or not at all: a sentence, no guess."""
    request = Request("Moles dig.", "Who?", chat=True)
    with pytest.raises(RequestError, match="no chat template"):
        request_tokens(tokenizer, request)
    other = copy.deepcopy(tokenizer)
    for times, template in [(2, "{{ messages[0].content }}{{ messages[0].content }}"), (0, "hello")]:
        other.chat_template = template
        with pytest.raises(RequestError, match=f"{times} times instead of once"):
            request_tokens(other, request)


def test_a_chat_only_where_it_is_asked_for(tokenizer: Any, llama: Any, adapt: MakeAdapter) -> None:
    """A tokenizer's template is not used behind anyone's back, and the report says whether it was."""
    other = copy.deepcopy(tokenizer)
    other.chat_template = TEMPLATE
    adapter = adapt(llama)
    adapter.tokenizer = other
    plain = adapter.process_request(Request("Moles dig.", "Who?"))
    chat = adapter.process_request(Request("Moles dig.", "Who?", chat=True))
    assert (plain.report.chat, chat.report.chat) == (False, True)
    assert plain.report.context_tokens == len("Moles dig.") + 1
    assert chat.report.context_tokens == len("Moles dig.") + 1 + len("<user>")
    assert plain.responses != chat.responses


def test_the_prompt_is_the_plain_concatenation(llama: Any, adapt: MakeAdapter, tokenizer: Any) -> None:
    """A dense request is `generate` on context and question as one text, where no token straddles the seam."""
    adapter = adapt(llama)
    context, question = "A mole lives at 7 Elm Row. " * 4, "Who lives there?"
    ids = tokenizer(context + question, return_tensors="pt")["input_ids"]
    options = {"max_new_tokens": 6, "no_repeat_ngram_size": 1, "do_sample": False}
    output = llama.generate(ids, attention_mask=torch.ones_like(ids), **options)
    expected = tokenizer.decode(output[0, ids.shape[1] :], skip_special_tokens=True)
    assert adapter.process_request(Request(context, question)).responses == expected
