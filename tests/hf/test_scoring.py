"""Continuations are scored as they would be generated: under the same protocol, from a context that stays as it was."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from sah_hf import ModelAdapterHF, NotSparseError, RequestError
from sah_hf.contexts.cache import fork_cache
from sah_hf.modes.call_states import CallStates
from sah_hf.requests.scoring import Scores
from sah_hf.requests.tokens import RequestTokens

from .conftest import WINDOW, MakeAdapter, build_model
from .report.test_not_sparse import turn_dense
from .test_cache import contents
from .test_full_mask import eager

CAUSAL = [{"kind": "causal"}]
NARROW = [{"kind": "sink", "size": 2}, {"kind": "local", "window": 3}]
CHAINS: dict[str, list[dict[str, Any]]] = {
    "window": NARROW,
    "quest": [*NARROW, {"kind": "quest", "page_size": 4, "budget": 8}],
    "oracle": [*NARROW, {"kind": "oracle_top_k", "budget": 0.1}],
}
PROTOCOLS = ("question", "generation", "context")
IDS = torch.randint(0, 256, (60,), generator=torch.Generator().manual_seed(1)).tolist()
CONTEXT, QUESTION, SAID = IDS[:40], IDS[40:47], IDS[47:55]  # the context is longer than a sliding window
PROMPT = RequestTokens(CONTEXT, (QUESTION,))


def logprobs(scores: Scores) -> list[float]:
    return [each.logprob for each in scores.continuations]


@torch.no_grad()
def in_one_forward(model: Any, prompt: list[int], said: Sequence[int]) -> float:
    """The log-probability of what is said, from one forward of the model over everything, without a cache."""
    logits = model(torch.tensor([[*prompt, *said]])).logits[0, len(prompt) - 1 : -1]
    chosen = torch.log_softmax(logits.float(), -1).gather(1, torch.tensor(said)[:, None])
    return float(chosen.sum())


@pytest.mark.parametrize("protocol", PROTOCOLS)
def test_full_mask_is_one_dense_forward(model: Any, adapt: MakeAdapter, protocol: str, backend: str) -> None:
    """With every key kept, a score is the dense one, which is what one forward of the model over everything gives."""
    said = [SAID, SAID[:1], IDS[50:53]]
    with eager(model):
        full = adapt(model, *CAUSAL, attention={"kind": backend}, protocol={"sparse_from": protocol})
        scores = full.score_tokens(PROMPT, said)
        dense = adapt(model).score_tokens(PROMPT, said)
        expected = [in_one_forward(model, CONTEXT + QUESTION, each) for each in said]
    assert logprobs(scores) == pytest.approx(logprobs(dense), abs=1e-3)
    if model.config.model_type != "qwen3_next":  # 4.57 forgets its state where several tokens continue a context
        assert logprobs(dense) == pytest.approx(expected, abs=1e-3)
    assert (scores.density, dense.density) == (1.0, None)
    assert scores.sparse_forwards == (2 if protocol == "generation" else 3)  # a token alone follows a dense row
    assert (dense.sparse_forwards, dense.dense_forwards) == (0, 3)


def test_a_prompt_that_fits_into_the_window(gemma2: Any, adapt: MakeAdapter) -> None:
    """Also where it is the continuation that makes a sliding window overflow."""
    prompt = RequestTokens(IDS[: WINDOW - 6], (IDS[WINDOW - 6 : WINDOW - 2],))
    said = IDS[WINDOW - 2 : WINDOW + 8]
    with eager(gemma2):
        found = logprobs(adapt(gemma2, *CAUSAL).score_tokens(prompt, [said]))
        assert found == pytest.approx([in_one_forward(gemma2, IDS[: WINDOW - 2], said)], abs=1e-3)


@settings(max_examples=25)
@given(
    said=st.lists(st.lists(st.integers(0, 3), min_size=1, max_size=4), min_size=1, max_size=4),
    protocol=st.sampled_from(PROTOCOLS),
    chain=st.sampled_from(sorted(CHAINS)),
    family=st.sampled_from(["llama", "gemma2"]),
)
def test_together_is_alone(said: list[list[int]], protocol: str, chain: str, family: str) -> None:
    """Several continuations have the bits that each has alone, whatever they share; the context stays as it was."""
    model = build_model(family)
    adapter = ModelAdapterHF(model, {"maskers": CHAINS[chain]}, protocol={"sparse_from": protocol})
    context, states = adapter.read_tokens(CONTEXT), CallStates(len(CONTEXT))
    before = contents(context.cache)
    together = adapter.score_tokens(PROMPT, said, context=context, states=states)
    alone = [adapter.score_tokens(PROMPT, [each]).continuations[0] for each in said]
    again = adapter.score_tokens(PROMPT, said, context=context, states=states)
    assert list(together.continuations) == alone == list(again.continuations)
    assert [each.tokens for each in together.continuations] == [tuple(each) for each in said]
    assert together.context_prefills == 0
    assert together.sparse_forwards + together.dense_forwards == len({tuple(each[:-1]) for each in said})
    assert together.index_bytes == again.index_bytes
    assert all(torch.equal(old, new) for old, new in zip(before, contents(context.cache), strict=True))


@pytest.mark.parametrize(
    ("chain", "backend"),
    [("window", "research"), ("window", "efficient"), ("quest", "efficient"), ("oracle", "research")],
)
def test_token_by_token(llama: Any, adapt: MakeAdapter, chain: str, backend: str) -> None:
    """A score is the sum of its tokens', each scored after a question that has grown by those before it."""
    adapter = adapt(llama, *CHAINS[chain], attention={"kind": backend})
    whole = adapter.score_tokens(PROMPT, [SAID])
    prompts = [RequestTokens(CONTEXT, (QUESTION + SAID[:n],)) for n in range(len(SAID))]
    parts = [adapter.score_tokens(each, [SAID[n : n + 1]]) for n, each in enumerate(prompts)]
    assert sum(part.continuations[0].logprob for part in parts) == pytest.approx(
        whole.continuations[0].logprob, abs=1e-4
    )
    assert logprobs(whole) != pytest.approx(logprobs(adapt(llama).score_tokens(PROMPT, [SAID])), abs=1e-2)


@pytest.mark.parametrize("protocol", ["question", "generation"])
def test_what_generating_it_gives(model: Any, adapt: MakeAdapter, protocol: str) -> None:
    """A score is what `generate` gives those tokens one by one, where it may say nothing else."""
    adapter = adapt(model, *NARROW, protocol={"sparse_from": protocol})
    context = adapter.read_tokens(CONTEXT)
    prompt = CONTEXT + QUESTION
    with adapter.enable_sparse_mode(sparse_from=len(CONTEXT) if protocol == "question" else len(prompt)):
        forced = model.generate(
            torch.tensor([prompt]),
            attention_mask=torch.ones(1, len(prompt), dtype=torch.int64),
            past_key_values=fork_cache(context.cache),
            prefix_allowed_tokens_fn=lambda row, ids: [SAID[len(ids) - len(prompt)]],
            max_new_tokens=len(SAID),
            do_sample=False,
            output_logits=True,
            return_dict_in_generate=True,
        )
    assert forced.sequences[0, len(prompt) :].tolist() == SAID
    steps = [torch.log_softmax(logits[0].float(), -1)[token] for logits, token in zip(forced.logits, SAID, strict=True)]
    found = adapter.score_tokens(PROMPT, [SAID], context=context)
    assert logprobs(found) == pytest.approx([float(torch.stack(steps).sum())], abs=1e-3)


@pytest.mark.parametrize("protocol", PROTOCOLS)
def test_greedy_is_the_models_own_answer(model: Any, adapt: MakeAdapter, protocol: str) -> None:
    """The tokens of a greedy answer are greedy, and with any one of them replaced they are not."""
    adapter = adapt(model, *NARROW, protocol={"sparse_from": protocol}, generation={"max_new_tokens": 6})
    answer: list[int] = []

    def kept(tokens: list[int]) -> bool:
        answer[:] = tokens
        return False

    adapter.process_tokens(PROMPT, {"eos_token_id": None}, chat=False, single=True, stop=kept)
    others = [[*answer[:n], (answer[n] + 1) % 256, *answer[n + 1 :]] for n in range(len(answer))]
    scores = adapter.score_tokens(PROMPT, [answer, answer[:3], *others]).continuations
    assert len(answer) == 6
    assert [each.greedy for each in scores] == [True, True] + [False] * len(others)


def test_one_token_after_a_dense_question(llama: Any, adapt: MakeAdapter) -> None:
    """With sparse generation alone, the first token is scored by the question's last row, which is dense."""
    adapter = adapt(llama, *NARROW, protocol={"sparse_from": "generation"})
    one, four = adapter.score_tokens(PROMPT, [SAID[:1]]), adapter.score_tokens(PROMPT, [SAID[:4]])
    assert logprobs(one) == logprobs(adapt(llama).score_tokens(PROMPT, [SAID[:1]]))
    assert (one.sparse_forwards, one.dense_forwards, one.density) == (0, 1, None)
    # Three rows of two layers and four heads see 48, 49 and 50 keys, and attend to 5.
    assert (four.attended, four.visible) == (2 * 4 * 3 * 5, 2 * 4 * (48 + 49 + 50))


def test_first_tokens_dense(llama: Any, adapt: MakeAdapter) -> None:
    """So many rows from the question on are dense still: seven of them are the question."""
    moved = adapt(llama, *NARROW, protocol={"sparse_from": "question", "first_tokens_dense": 7})
    generation = adapt(llama, *NARROW, protocol={"sparse_from": "generation"})
    found, expected = moved.score_tokens(PROMPT, [SAID]), generation.score_tokens(PROMPT, [SAID])
    assert (logprobs(found), found.density) == (logprobs(expected), expected.density)


def test_nothing_is_read_first(model: Any, adapt: MakeAdapter, backend: str) -> None:
    """A context of no tokens is not read: the question is the whole prompt, for scores and for answers."""
    prompt = RequestTokens([], (QUESTION,))
    answers: list[list[list[int]]] = []
    with eager(model):
        for protocol in ("question", "generation"):
            full = adapt(model, *CAUSAL, attention={"kind": backend}, protocol={"sparse_from": protocol})
            found = full.score_tokens(prompt, [SAID])
            assert logprobs(found) == pytest.approx([in_one_forward(model, QUESTION, SAID)], abs=1e-3)
            assert (found.context_prefills, found.sparse_forwards, found.density) == (0, 1, 1.0)
        for adapter in (adapt(model), full):
            seen: list[list[int]] = []
            adapter.process_tokens(prompt, chat=False, single=True, stop=lambda tokens, s=seen: bool(s.append(tokens)))  # type: ignore[misc]  # append gives None, and the answer goes on
            answers.append(seen)
    assert answers[0] == answers[1]


def test_an_answer_ends_where_it_is_told(llama: Any, adapt: MakeAdapter) -> None:
    """`stop` sees the answer's tokens after each new one, and True ends it there."""
    seen: list[list[int]] = []

    def third(tokens: list[int]) -> bool:
        seen.append(tokens)
        return len(tokens) == 3

    response = adapt(llama, *NARROW).process_tokens(PROMPT, chat=False, single=True, stop=third)
    assert response.report.answer_tokens == 3
    assert [len(tokens) for tokens in seen] == [1, 2, 3]
    assert seen[2][:2] == seen[1]


def test_dtype_of_the_log_softmax(adapt: MakeAdapter) -> None:
    """A 16-bit model's logits are normalised in float32 unless another dtype, or None for their own, is asked for."""
    model = build_model("llama").to(torch.bfloat16)
    adapter = adapt(model, *NARROW)
    exact, rough = adapter.score_tokens(PROMPT, [SAID]), adapter.score_tokens(PROMPT, [SAID], dtype=None)
    assert logprobs(rough) == pytest.approx(logprobs(exact), rel=0.01)
    assert torch.tensor(logprobs(rough)).bfloat16().float().tolist() == logprobs(rough)
    assert torch.tensor(logprobs(exact)).bfloat16().float().tolist() != logprobs(exact)


def test_a_layer_that_stays_dense(adapt: MakeAdapter) -> None:
    """It is named, as in a request."""
    model = build_model("llama")
    adapter = adapt(model, *NARROW)
    context = adapter.read_tokens(CONTEXT)
    model.model.layers[0].register_forward_pre_hook(lambda *_: turn_dense(model))
    with pytest.raises(NotSparseError, match=r"2 forwards of .* layer 1 in [01];"):
        adapter.score_tokens(PROMPT, [SAID, SAID[:3]], context=context)


@pytest.mark.parametrize(
    ("tokens", "said", "message"),
    [
        (RequestTokens(CONTEXT, (QUESTION, QUESTION)), [SAID], "one question, and 2 were given"),
        (RequestTokens(CONTEXT, ([],)), [SAID], "the question has no token"),
        (PROMPT, [], "the list of continuations is empty"),
        (PROMPT, [SAID, []], "continuation 1 has no token"),
        (PROMPT, [[300]], "token id 300"),
        (PROMPT, [[1] * 467], "467 tokens does not fit: after 40 context tokens and 7 .* the model has 512"),
    ],
)
def test_what_cannot_be_scored(llama: Any, adapt: MakeAdapter, tokens: RequestTokens, said: Any, message: str) -> None:
    """One sentence says why; the longest continuation that fits is scored."""
    adapter = adapt(llama, *NARROW)
    with pytest.raises(RequestError, match=message):
        adapter.score_tokens(tokens, said)
    assert len(adapter.score_tokens(PROMPT, [[1] * 466]).continuations[0].tokens) == 466


def test_a_context_of_other_tokens(llama: Any, adapt: MakeAdapter) -> None:
    """What was read has to be the prompt's context."""
    adapter = adapt(llama, *NARROW)
    other = adapter.read_tokens(CONTEXT[1:])
    with pytest.raises(RequestError, match="is not this request's"):
        adapter.score_tokens(PROMPT, [SAID], context=other)
