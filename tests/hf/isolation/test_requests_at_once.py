"""Many requests of several kinds, at once, on one model: each is answered as it is alone."""

from __future__ import annotations

import asyncio
import sys
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import nullcontext
from typing import Any

import pytest
import torch
from tests.hf.conftest import MakeAdapter

from sah_hf import ModelAdapterHF, Request

THREADS, REQUESTS = 8, 200
PLACES = ("Elm Row", "Fen Lane", "Ash Hill", "Oak End", "the sea")
QUESTIONS = ("Who?", "Where is that?", "Since when?")
NARROW = [{"kind": "local", "window": 12}]
TOP = [{"kind": "sink", "size": 1}, {"kind": "oracle_top_k", "budget": 4}]

Job = tuple[int, str, str]  # which of four ways to ask, a place, a question


def test_two_hundred_requests(llama: Any, tokenizer: Any, adapt: MakeAdapter) -> None:
    """200 requests in eight threads, of two sparse adapters, a dense one, and `generate` in modes: no cross-talk."""
    short = {"max_new_tokens": 3, "no_repeat_ngram_size": 1}
    adapters = [adapt(llama, *maskers, generation=short) for maskers in (NARROW, TOP, ())]

    def generated(adapter: ModelAdapterHF, text: str) -> str:
        ids = tokenizer(text, return_tensors="pt").input_ids
        with adapter.enable_sparse_mode() as mode:
            made = llama.generate(ids, attention_mask=torch.ones_like(ids), max_new_tokens=3, do_sample=False)
        assert mode.meter.calls == 2 * (made.shape[1] - ids.shape[1] - 1)
        answer: str = tokenizer.decode(made[0, ids.shape[1] :])
        return answer

    def ask(job: Job) -> Any:
        way, place, question = job
        context = f"A mole lives at {place}. "
        if way < len(adapters):
            return adapters[way].process_request(Request(context, question)).responses
        return generated(adapters[0], context + question)

    jobs = [(way, place, question) for way in range(4) for place in PLACES for question in QUESTIONS]
    alone = {job: ask(job) for job in jobs}
    assert len({answer for (way, _, _), answer in alone.items() if way == 0}) > len(QUESTIONS), "contexts matter"
    assert len({alone[way, PLACES[0], QUESTIONS[1]] for way in range(4)}) > 2, "and so do maskers"
    asked = (jobs * 4)[:REQUESTS]
    with ThreadPoolExecutor(THREADS) as threads:
        found = list(threads.map(ask, asked))
    assert found == [alone[job] for job in asked]


def test_tasks_have_modes_of_their_own(llama: Any, tokens: Any) -> None:
    """Tasks of one event loop that take turns between forwards are each in the mode that they opened, or in none."""
    ids = tokens(24)
    narrow, top = (ModelAdapterHF(llama, {"maskers": maskers}) for maskers in (NARROW, TOP))

    @torch.no_grad()
    async def read(mode: Callable[[], Any]) -> torch.Tensor:
        logits = []
        with mode():
            cache = llama(input_ids=ids[:, :20]).past_key_values
            for at in range(20, 24):
                await asyncio.sleep(0)
                logits.append(llama(input_ids=ids[:, at : at + 1], past_key_values=cache).logits)
        return torch.cat(logits)

    modes: list[Callable[[], Any]] = [
        narrow.enable_sparse_mode,
        nullcontext,
        top.enable_sparse_mode,
        narrow.enable_dense_mode,
    ]

    async def all_of_them() -> list[torch.Tensor]:
        return await asyncio.gather(*(read(mode) for mode in modes))

    alone = [asyncio.run(read(mode)) for mode in modes]
    together = asyncio.run(all_of_them())
    assert all(torch.equal(one, other) for one, other in zip(alone, together, strict=True))
    assert torch.equal(alone[1], alone[3])
    assert not torch.equal(alone[0], alone[1])
    assert not torch.equal(alone[0], alone[2])


@pytest.fixture
def restless() -> Iterator[None]:
    """Threads take turns as often as they can."""
    before = sys.getswitchinterval()
    sys.setswitchinterval(1e-6)
    yield
    sys.setswitchinterval(before)


@pytest.mark.usefixtures("restless")
def test_threads_that_share_a_mode(llama: Any, tokens: Any) -> None:
    """A mode handed on to several threads at once, as asyncio.to_thread does, is sparse in each and counts them all."""
    adapter = ModelAdapterHF(llama, {"maskers": NARROW})
    prompts = [tokens(20, seed=seed) for seed in range(8)]

    def generate(ids: torch.Tensor) -> torch.Tensor:
        made: torch.Tensor = llama.generate(
            ids, attention_mask=torch.ones_like(ids), max_new_tokens=5, do_sample=False, eos_token_id=None
        )
        return made

    async def at_once() -> list[torch.Tensor]:
        return await asyncio.gather(*(asyncio.to_thread(generate, ids) for ids in prompts))

    with adapter.enable_sparse_mode() as alone:
        expected = [generate(ids) for ids in prompts]
    with adapter.enable_sparse_mode() as mode:
        found = asyncio.run(at_once())
    assert all(torch.equal(one, other) for one, other in zip(found, expected, strict=True))
    assert (mode.meter.calls, mode.meter.counted) == (alone.meter.calls, alone.meter.counted)
    assert (mode.forwards, mode.prompts_read) == (alone.forwards, alone.prompts_read)
