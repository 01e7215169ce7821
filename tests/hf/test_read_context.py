"""A context that was read once serves every adapter of its model: answers as if it were read anew, and it stays."""

from __future__ import annotations

from typing import Any

import pytest
import torch

from sah_hf import ModelAdapterHF, ReadContext, Request, RequestError

from .conftest import WINDOW, MakeAdapter, build_model
from .test_cache import contents

CONTEXT = "A mole lives at 7 Elm Row. " * 4  # 109 tokens with <bos>: far past the sliding window
QUESTIONS = ["Who lives there?", "Where is it, exactly, that the mole in question has made its home?"]
REQUEST = Request(CONTEXT, QUESTIONS)
NARROW = [{"kind": "sink", "size": 2}, {"kind": "local", "window": 3}]
CHAINS: dict[str, list[dict[str, Any]]] = {
    "dense": [],
    "window": NARROW,
    "quest": [*NARROW, {"kind": "quest", "page_size": 4, "budget": 8}],
    "oracle": [*NARROW, {"kind": "oracle_top_k", "budget": 0.1}],
}


def adapters(model: Any, adapt: MakeAdapter) -> dict[str, ModelAdapterHF]:
    """One adapter of each chain, and an efficient one, all of one model."""
    made = {name: adapt(model, *chain) for name, chain in CHAINS.items()}
    return {**made, "efficient quest": adapt(model, *CHAINS["quest"], attention={"kind": "efficient"})}


def test_shared_is_read_anew(model: Any, adapt: MakeAdapter) -> None:
    """One reading, asked by several configs in turn: each answers as alone, and no bit of the cache changes."""
    made = adapters(model, adapt)
    context = made["quest"].read_context(REQUEST)
    before = contents(context.cache)
    found = {name: adapter.process_request(REQUEST, context=context) for name, adapter in made.items()}
    for name, adapter in made.items():
        alone = adapter.process_request(REQUEST)
        assert found[name].responses == alone.responses
        assert found[name].report.density == alone.report.density
        assert found[name].report.index_bytes == alone.report.index_bytes
    assert found["dense"].responses != found["window"].responses, "equal answers would prove nothing"
    after = contents(context.cache)
    assert len(after) == len(before) > 0
    assert all(torch.equal(old, new) for old, new in zip(before, after, strict=True))


def test_needle_answers_from_a_context_read_before() -> None:
    """The embedded model: every config's words from one reading are its words from its own."""
    dense = ModelAdapterHF("needle", generation={"max_new_tokens": 8})
    text = "river kilin one two three . " + "grass rain wind moon " * 100 + "tovel six six four . tree"
    request = Request(text, ["? kilin", "? tovel"])
    context = dense.read_context(request)
    assert dense.process_request(request, context=context).responses == ["one two three", "six six four"]
    for chain in CHAINS.values():
        attention = {"maskers": chain} if chain else None
        adapter = ModelAdapterHF(dense.model, attention, dense.tokenizer, generation={"max_new_tokens": 8})
        assert adapter.process_request(request, context=context).responses == adapter.process_request(request).responses


def test_nothing_is_read_again(llama: Any, adapt: MakeAdapter) -> None:
    """No forward begins with an empty cache; the report says so, and how long reading took when it was read."""
    filled: list[int] = []

    def look(module: Any, args: Any, keywords: dict[str, Any]) -> None:
        cache = keywords.get("past_key_values")
        filled.append(0 if cache is None else int(cache.get_seq_length()))

    adapter = adapt(llama, *NARROW)
    context = adapter.read_context(REQUEST)
    handle = llama.register_forward_pre_hook(look, with_kwargs=True)
    try:
        report = adapter.process_request(REQUEST, context=context).report
    finally:
        handle.remove()
    assert min(filled) == 109
    assert (report.context_prefills, report.prefill_seconds) == (0, context.seconds)
    assert context.seconds > 0
    assert len(context.tokens) == report.context_tokens == 109


def test_other_questions_may_be_asked(llama: Any, adapt: MakeAdapter) -> None:
    """What was read is the context: a request with it and other questions gets its own answers."""
    adapter = adapt(llama, *NARROW)
    context = adapter.read_context(Request(CONTEXT, "Who?"))
    other = Request(CONTEXT, QUESTIONS[1], answer_prefix=" Its")
    assert adapter.process_request(other, context=context).responses == adapter.process_request(other).responses


def test_bytes_are_those_of_the_cache(llama: Any, gemma2: Any, adapt: MakeAdapter) -> None:
    """Keys and values of two layers and two heads, 8 numbers of 4 bytes a token; a sliding layer drops old tokens.

    A sliding layer's tensors are the end of longer ones, which stay in memory, or copies of it; it also keeps a count.
    """
    assert adapt(llama).read_context(REQUEST).nbytes == 2 * 2 * 2 * 109 * 8 * 4
    full, token = 2 * 2 * 109 * 16 * 4, 2 * 2 * 16 * 4
    assert full + (WINDOW - 1) * token <= adapt(gemma2).read_context(REQUEST).nbytes <= 2 * full + 16


def test_it_holds_what_it_was_given(llama: Any, adapt: MakeAdapter) -> None:
    """It is compared by identity, shows its size rather than its tensors, and cannot be changed."""
    context = adapt(llama).read_context(REQUEST)
    assert isinstance(context, ReadContext)
    assert context.model is llama
    assert f"nbytes={context.nbytes}" in repr(context)
    assert "tensor" not in repr(context)
    with pytest.raises(AttributeError):
        context.seconds = 0.0  # type: ignore[misc]  # what should be refused


def test_another_models_context_is_refused(llama: Any, adapt: MakeAdapter) -> None:
    """The same architecture and weights in another object are another model: its weights may change apart."""
    context = adapt(build_model("llama")).read_context(REQUEST)
    with pytest.raises(RequestError, match=r"read by another model object, a LlamaForCausalLM: .*adapter of this one"):
        adapt(llama).process_request(REQUEST, context=context)


@pytest.mark.parametrize("other", ["A mole lives at 8 Elm Row. " * 4, "A mole."], ids=["as long", "shorter"])
def test_another_context_is_refused(llama: Any, adapt: MakeAdapter, other: str) -> None:
    """One changed letter is another context."""
    adapter = adapt(llama)
    context = adapter.read_context(Request(other, QUESTIONS))
    with pytest.raises(RequestError, match=rf"was read, {len(other) + 1} tokens, is not this request's, 109 tokens"):
        adapter.process_request(REQUEST, context=context)


def test_what_does_not_fit_is_not_read(llama: Any, adapt: MakeAdapter) -> None:
    """A context that leaves no position for an answer is refused before the model runs."""
    with pytest.raises(RequestError, match="question 0 does not fit: 512 context tokens and 4 question tokens"):
        adapt(llama).read_context(Request("x" * 511, "Who?"))


def test_reading_needs_a_tokenizer(llama: Any) -> None:
    """As a request does."""
    with pytest.raises(RequestError, match="no tokenizer"):
        ModelAdapterHF(llama).read_context(REQUEST)
