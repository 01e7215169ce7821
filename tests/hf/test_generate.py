"""`model.generate` inside a sparse mode: what is sparse, batches with padding, caches of one's own, what is refused."""

from __future__ import annotations

from typing import Any

import pytest
import torch
from transformers import DynamicCache, StaticCache

from sah_hf import ModelAdapterHF, NotSparseError
from sah_hf.contexts.cache import fork_cache

from .conftest import FAMILIES, SLIDING, build_model

MASKERS = {
    "maskers": [{"kind": "sink", "size": 2}, {"kind": "local", "window": 3}, {"kind": "oracle_top_k", "budget": 3}]
}
PAGES = [*MASKERS["maskers"][:2], {"kind": "quest", "page_size": 2, "budget": 4}]  # the efficient backend's choice
NEW = 5
OPTIONS: dict[str, Any] = {"max_new_tokens": NEW, "do_sample": False, "eos_token_id": None, "pad_token_id": 258}


def generate(model: Any, ids: torch.Tensor, mask: torch.Tensor | None = None, **options: Any) -> list[list[int]]:
    """The new tokens of each row, no token twice."""
    mask = torch.ones_like(ids) if mask is None else mask
    output = model.generate(ids, attention_mask=mask, **{**OPTIONS, "no_repeat_ngram_size": 1, **options})
    new: list[list[int]] = output[:, ids.shape[1] :].tolist()
    return new


def padded(ids: torch.Tensor, gaps: list[int]) -> tuple[torch.Tensor, torch.Tensor]:
    """The ids and their attention mask, with so many columns of each row turned into padding."""
    ids, mask = ids.clone(), torch.ones_like(ids)
    for row, gap in enumerate(gaps):
        ids[row, :gap], mask[row, :gap] = 258, 0
    return ids, mask


def test_the_prompt_is_dense_and_the_rest_sparse(model: Any, tokens: Any) -> None:
    """The call that fills the cache is the model's own; every later one is sparse, in every attention layer."""
    ids = tokens(30)
    adapter = ModelAdapterHF(model, MASKERS)
    dense = generate(model, ids)
    with adapter.enable_sparse_mode() as mode:
        sparse = generate(model, ids)
        assert mode.prompts_read == 1
        assert [mode.meter.layer(layer).sparse_calls for layer in adapter.layers] == [NEW - 1] * len(adapter.layers)
    assert sparse[0][0] == dense[0][0], "the prompt was read densely"
    assert sparse != dense


def test_each_generate_starts_afresh(llama: Any, tokens: Any) -> None:
    """Two prompts one after the other in one mode get what each gets in a mode of its own."""
    adapter = ModelAdapterHF(llama, MASKERS)
    prompts = [tokens(30), tokens(24, seed=1)]
    alone = []
    for ids in prompts:
        with adapter.enable_sparse_mode():
            alone.append(generate(llama, ids))
    with adapter.enable_sparse_mode():
        assert [generate(llama, ids) for ids in (*prompts, prompts[0])] == [*alone, alone[0]]


@pytest.mark.parametrize("family", FAMILIES)
def test_a_left_padded_batch_is_its_rows(family: str, tokens: Any, backend: str) -> None:
    """Rows of 30, 21 and 10 tokens in one batch generate what each does alone: padding is no token, rows do not mix.

    In the last, a sliding window that has moved on still sees the first tokens, which are the sink.
    """
    model = build_model(family)
    adapter = ModelAdapterHF(model, MASKERS if backend == "research" else {"kind": backend, "maskers": PAGES})
    gaps = [0, 9, 20]
    ids, mask = padded(tokens(30, batch=3), gaps)
    with adapter.enable_sparse_mode():
        alone = [generate(model, ids[row : row + 1, gap:])[0] for row, gap in enumerate(gaps)]
        assert generate(model, ids, mask) == alone


def test_a_filled_cache_is_sparse_at_once(llama: Any, tokens: Any) -> None:
    """Given a cache with a context, also the question's call is sparse, and the context is what the cache held."""
    ids = tokens(30)
    adapter = ModelAdapterHF(llama, MASKERS)
    with torch.no_grad():
        cache = llama(input_ids=ids[:, :20]).past_key_values
    with adapter.enable_sparse_mode() as mode:
        first = generate(llama, ids, past_key_values=fork_cache(cache))
        assert mode.prompts_read == 0
        assert mode.meter.calls == 2 * NEW
        assert generate(llama, ids, past_key_values=fork_cache(cache)) == first


def test_caches_of_two_contexts_do_not_mix(llama: Any, tokens: Any) -> None:
    """A mode keeps one state a cache: two contexts, asked in turns, get what each gets alone."""
    adapter = ModelAdapterHF(llama, MASKERS)
    contexts, question = [tokens(20), tokens(20, seed=1)], tokens(5, seed=2)
    with torch.no_grad():
        caches = [llama(input_ids=ids).past_key_values for ids in contexts]

    def ask(number: int) -> list[list[int]]:
        ids = torch.cat([contexts[number], question], 1)
        return generate(llama, ids, past_key_values=fork_cache(caches[number]))

    alone = []
    for number in (0, 1):
        with adapter.enable_sparse_mode():
            alone.append(ask(number))
    with adapter.enable_sparse_mode():
        assert [ask(number) for number in (0, 1, 0)] == [alone[0], alone[1], alone[0]]


@pytest.mark.parametrize("family", ["llama", *SLIDING])
def test_a_static_cache_is_a_dynamic_one(family: str, tokens: Any) -> None:
    """A static cache's empty columns are no keys, and its masks, made beforehand, hide padding as the others do."""
    model = build_model(family)
    adapter = ModelAdapterHF(model, MASKERS)
    for length in (10, 30):
        ids, mask = padded(tokens(length, batch=3), [0, 4, length - 4])
        densities = []
        for cache in (DynamicCache(config=model.config), StaticCache(config=model.config, max_cache_len=40)):
            with adapter.enable_sparse_mode() as mode:
                found = generate(model, ids, mask, past_key_values=cache)
            densities.append((found, mode.meter.density))
        assert densities[0] == densities[1]


def test_a_mode_in_which_nothing_is_sparse_says_so(llama: Any, tokens: Any) -> None:
    """Without a KV cache every call reads its prompt anew, densely: that does not pass in silence."""
    adapter = ModelAdapterHF(llama, MASKERS)
    with pytest.raises(NotSparseError, match=r"nothing was sparse .* 5 forwards"), adapter.enable_sparse_mode():
        generate(llama, tokens(20), use_cache=False)


def test_sampling_is_allowed(llama: Any, tokens: Any) -> None:
    """Sampling draws from torch's generator as it does without us: the same seed, the same tokens."""
    adapter = ModelAdapterHF(llama, {"maskers": [{"kind": "causal"}]})
    found = []
    for mode in (adapter.enable_dense_mode, adapter.enable_sparse_mode):
        torch.manual_seed(3)
        with mode():
            found.append(generate(llama, tokens(20), do_sample=True, top_k=0, temperature=2.0))
    assert found[0] == found[1]
