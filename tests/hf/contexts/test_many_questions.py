"""A kept context answers any question at any time as a request of its own would, and stays as it is."""

from __future__ import annotations

import copy
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
import torch
from tests.hf.conftest import MakeAdapter, build_model
from tests.hf.test_cache import contents
from tests.hf.test_tokens import TEMPLATE

from sah_hf import GenerationError, KeptContext, ModelAdapterHF, Request, RequestError

from .counting import CONTEXT, NARROW, QUEST, QUESTIONS, count_fits

SEVERAL = [*NARROW, QUEST, {"kind": "pqcache", "budget": 6, "bits": 3, "iterations": 3}]
SHORT = {"max_new_tokens": 4, "no_repeat_ngram_size": 1}


def unchanged(cache: Any) -> Callable[..., None]:
    """A callback for each answer: raises where a bit of the cache is another than now."""
    before = contents(cache)

    def look(*_: Any) -> None:
        after = contents(cache)
        assert len(after) == len(before) > 0
        assert all(torch.equal(old, new) for old, new in zip(before, after, strict=True))

    return look


@pytest.mark.parametrize("family", ["llama", "gemma2", "qwen3_next", "deepseek_v3"])
def test_five_questions(family: str, adapt: MakeAdapter) -> None:
    """Dynamic, sliding, hybrid, latent caches: each answer is what it is alone, and every bit stays after each."""
    adapter = adapt(build_model(family), *NARROW, QUEST, generation=SHORT)
    alone = [adapter.process_request(Request(CONTEXT, question)) for question in QUESTIONS]
    answers = [each.responses for each in alone]
    assert len(set(map(str, answers))) > 1, "a model that answers everything alike would prove nothing"
    context = adapter.context(CONTEXT)
    look = unchanged(context.read.cache)
    request = Request(CONTEXT, QUESTIONS)
    assert adapter.process_request(request, context=context.read, on_answer=look).responses == answers
    assert context.ask(QUESTIONS, on_answer=look).responses == answers
    for question, expected in list(zip(QUESTIONS, alone, strict=True))[:2]:
        found = context.ask(question)
        look()
        assert found.responses == expected.responses
        assert found.report.density == expected.report.density
        assert found.report.index_bytes == expected.report.index_bytes
        assert (found.report.context_prefills, expected.report.context_prefills) == (0, 1)


@pytest.mark.parametrize("protocol", [{"sparse_from": "generation"}, {"sparse_from": "context"}, {"first_tokens": 3}])
def test_every_protocol(gemma2: Any, adapt: MakeAdapter, protocol: dict[str, Any]) -> None:
    """Also where the question is dense, the context sparse, or the first tokens after it dense."""
    protocol = {"first_tokens_dense" if name == "first_tokens" else name: value for name, value in protocol.items()}
    adapter = adapt(gemma2, *SEVERAL, protocol=protocol)
    alone = [adapter.process_request(Request(CONTEXT, question)).responses for question in QUESTIONS[:2]]
    context = adapter.context(CONTEXT)
    assert [context.ask(question).responses for question in QUESTIONS[:2]] == alone
    assert context.ask(QUESTIONS[:2]).responses == alone


def test_indexes_are_fitted_once(llama: Any, adapt: MakeAdapter) -> None:
    """The first question fits one index a layer, on the context; no later one fits any. A request fits its own."""
    adapter = adapt(llama, *NARROW, QUEST)
    fits = count_fits(adapter)
    context = adapter.context(CONTEXT)
    assert (fits, context.index_bytes) == ([], 0)
    first = context.ask(QUESTIONS[0])
    assert fits == [109, 109]
    held = context.index_bytes
    assert held == first.report.index_bytes > 0
    context.ask(QUESTIONS)
    assert fits == [109, 109]
    assert context.index_bytes == held
    adapter.process_request(Request(CONTEXT, QUESTIONS))
    assert fits == [109] * 4


def test_threads_ask_one_context(llama: Any, adapt: MakeAdapter) -> None:
    """Eight threads, twenty-five questions at once: each answer is what it is alone, from indexes fitted once."""
    adapter = adapt(llama, *NARROW, QUEST)
    alone = {question: adapter.process_request(Request(CONTEXT, question)).responses for question in QUESTIONS}
    fits = count_fits(adapter)
    context = adapter.context(CONTEXT)
    look = unchanged(context.read.cache)
    with ThreadPoolExecutor(8) as pool:
        found = list(pool.map(lambda question: (question, context.ask(question).responses), QUESTIONS * 5))
    assert all(answer == alone[question] for question, answer in found)
    assert fits == [109, 109]
    look()


def test_what_it_holds(llama: Any, adapt: MakeAdapter) -> None:
    """Its sizes in bytes, its tokens and its seconds; shown in a line without a tensor."""
    context = adapt(llama, *NARROW, QUEST).context(CONTEXT)
    assert isinstance(context, KeptContext)
    assert context.kv_bytes == 2 * 2 * 2 * 109 * 8 * 4  # layers, keys and values, heads, tokens, numbers, bytes
    assert len(context.tokens) == 109
    assert context.seconds > 0
    context.ask("Who?")
    whole_pages = 108 // 4  # the open one is given up after an answer
    assert context.index_bytes == 2 * 2 * whole_pages * 2 * 8 * 4  # layers, heads, pages, corners, numbers, bytes
    assert context.nbytes == context.kv_bytes + context.index_bytes
    assert repr(context) == "KeptContext(109 tokens of LlamaForCausalLM, kv 0.0279 MB, indexes 0.00691 MB)"


def test_linear_attention_counts(adapt: MakeAdapter, model: Any) -> None:
    """The memory of a cache is that of all its tensors, states of linear attention too."""
    context = adapt(model).context(CONTEXT)
    assert context.kv_bytes >= sum(tensor.nbytes for tensor in contents(context.read.cache))


def test_a_chat(llama: Any, tokenizer: Any, adapt: MakeAdapter) -> None:
    """The template goes around context and question as it does in a request, and the report says so."""
    adapter = adapt(llama, *NARROW)
    adapter.tokenizer = copy.deepcopy(tokenizer)
    adapter.tokenizer.chat_template = TEMPLATE
    context = adapter.context("Moles dig.", chat=True)
    found = context.ask(" Who digs?", "Well,")
    expected = adapter.process_request(Request("Moles dig.", " Who digs?", "Well,", chat=True))
    assert found.responses == expected.responses != context.ask(" Who digs?").responses
    assert found.report.chat
    assert found.report.answers[0].question_tokens == expected.report.answers[0].question_tokens


def test_one_string_or_a_list(llama: Any, adapt: MakeAdapter) -> None:
    """As in a request: a string for a string, a list for a list; options and callbacks reach the answer."""
    context = adapt(llama, *NARROW).context(CONTEXT)
    pieces: list[str] = []
    answer = context.ask("Who?", generation={"max_new_tokens": 2}, on_text=lambda _, text: pieces.append(text))
    assert isinstance(answer.responses, str)
    assert answer.responses == "".join(pieces)
    assert answer.report.answer_tokens == 2
    assert context.ask(["Who?"], generation={"max_new_tokens": 2}).responses == [answer.responses]
    assert context.ask("Who?", measure_error=True).report.output_error is not None


@pytest.mark.parametrize("stop", [ValueError, KeyboardInterrupt])
def test_an_answer_that_is_broken_off(llama: Any, adapt: MakeAdapter, stop: type[BaseException]) -> None:
    """Its indexes are given up, whatever state they are in; the next question fits new ones and is answered."""
    adapter = adapt(llama, *NARROW, QUEST)
    expected = adapter.process_request(Request(CONTEXT, "Who?")).responses
    fits = count_fits(adapter)
    context = adapter.context(CONTEXT)
    look = unchanged(context.read.cache)

    def broken(*_: Any) -> None:
        raise stop

    with pytest.raises(stop):
        context.ask(QUESTIONS[1], on_text=broken)
    look()
    assert context.index_bytes == 0
    assert context.ask("Who?").responses == expected
    assert fits == [109] * 4


def test_what_is_refused_costs_nothing(llama: Any, adapt: MakeAdapter) -> None:
    """A question that cannot be asked leaves the indexes of the earlier ones."""
    adapter = adapt(llama, *NARROW, QUEST)
    fits = count_fits(adapter)
    context = adapter.context(CONTEXT)
    context.ask("Who?")
    for questions, prefix, options, error, said in (
        ([], "", None, RequestError, "the list of questions is empty"),
        (["Who?", " "], "", None, RequestError, "question 1 is empty"),
        (5, "", None, RequestError, "should be a string or a list of strings, not int"),
        ("Who?", 5, None, RequestError, "an answer prefix should be a string, not int"),
        ("x" * 403, "", None, RequestError, "question 0 does not fit: 109 context tokens and 403 question tokens"),
        ("Who?", "", {"num_beams": 2}, GenerationError, "beam search"),
    ):
        with pytest.raises(error, match=said):
            context.ask(questions, prefix, options)  # type: ignore[arg-type]  # what should be refused
    context.ask("Who?")
    assert fits == [109, 109]


def test_not_from_its_own_answer(llama: Any, adapt: MakeAdapter) -> None:
    """A callback that asks the context it is an answer of would wait for itself: it is told so instead."""
    context = adapt(llama, *NARROW).context(CONTEXT)
    other = context.adapter.context("A vole.")
    asked: list[KeptContext] = []

    def ask_again(*_: Any) -> None:
        asked.pop().ask("Who?")

    asked.append(context)
    with pytest.raises(RequestError, match="amid an answer in this thread"):
        context.ask("Who?", on_answer=ask_again)
    asked.append(other)
    context.ask("Who?", on_answer=ask_again)
    assert not asked
    assert context.ask("Who?").responses


@pytest.mark.parametrize(
    ("text", "said"),
    [
        (" ", "the context is empty"),
        (None, "context should be a string, not NoneType"),
        ("x" * 510, "the context does not fit: 511 tokens leave no position for a question and an answer"),
    ],
)
def test_what_cannot_be_read(llama: Any, adapt: MakeAdapter, text: Any, said: str) -> None:
    """It is refused before the model runs; a tokenizer is needed too."""
    with pytest.raises(RequestError, match=said):
        adapt(llama).context(text)
    with pytest.raises(RequestError, match="no tokenizer"):
        ModelAdapterHF(llama).context("A mole.")
