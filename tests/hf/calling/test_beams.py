"""Beam search in a sparse mode: each beam scores what it would alone, and indexes follow the rows of the cache."""

from __future__ import annotations

import copy
import pickle
from typing import Any

import pytest
import torch
from tests.hf.conftest import build_model
from torch import Tensor
from transformers import DynamicCache, StaticCache

from sah_hf import ModelAdapterHF
from sah_hf.contexts.cache import fork_cache

from .generate import DRAWN, FULL, LEARNED, OPTIONS, ORACLE, PAGES, WINDOWS, generate, logits_of, read

NEW = 8
LENGTH = 24
FAMILIES = ("llama", "gemma2", "qwen3_next", "deepseek_v3")


def search(model: Any, ids: Tensor, **options: Any) -> tuple[Tensor, Tensor]:
    """The sequences found and the sums of their tokens' log-probabilities, (rows,)."""
    found = model.generate(
        ids,
        attention_mask=torch.ones_like(ids),
        return_dict_in_generate=True,
        output_scores=True,
        **{
            **OPTIONS,
            "max_new_tokens": NEW,
            "num_beams": 3,
            "num_return_sequences": 2,
            "length_penalty": 0.0,
            **options,
        },
    )
    return found.sequences, found.sequences_scores


@torch.no_grad()
def scores(model: Any, sequences: Tensor, cache: Any = None) -> Tensor:
    """The same of sequences that are fed token by token after their prompt, or after a context."""
    begin, total = 0 if cache is None else cache.get_seq_length(), torch.zeros(len(sequences))
    for end in range(LENGTH, sequences.shape[1]):
        output = model(input_ids=sequences[:, begin:end], past_key_values=cache, use_cache=True)
        begin, cache = end, output.past_key_values
        total += output.logits[:, -1].log_softmax(-1).gather(1, sequences[:, end : end + 1]).squeeze(1)
    return total


@pytest.mark.parametrize("family", FAMILIES)
def test_beams_of_a_full_mask_are_dense_beams(family: str, tokens: Any, backend: str) -> None:
    """A mask that keeps everything finds the sequences that dense beam search finds, with their scores."""
    model, ids = build_model(family), tokens(LENGTH, batch=2)
    adapter = ModelAdapterHF(model, {**FULL, "kind": backend})
    dense, expected = search(model, ids)
    with adapter.enable_sparse_mode() as mode:
        sparse, found = search(model, ids)
    assert mode.sparse_forwards == NEW - 1
    assert torch.equal(sparse, dense)
    torch.testing.assert_close(found, expected, atol=2e-5, rtol=0)


@pytest.mark.parametrize("family", FAMILIES)
@pytest.mark.parametrize("config", [ORACLE, PAGES, LEARNED], ids=["oracle", "pages", "learned"])
def test_a_beam_scores_what_it_does_alone(family: str, config: Any, tokens: Any) -> None:
    """Whatever rows its tokens were found in, a returned beam's score is that of its sequence in a row of its own."""
    model, ids = build_model(family), tokens(LENGTH, batch=2)
    adapter = ModelAdapterHF(model, config)
    with adapter.enable_sparse_mode():
        sequences, found = search(model, ids)
        alone = scores(model, sequences)
    torch.testing.assert_close(found, alone, atol=2e-4 if family == "qwen3_next" else 2e-5, rtol=0)
    assert not torch.allclose(found, scores(model, sequences), atol=0.1), "they are sparse scores"


@pytest.mark.parametrize("options", [{"num_beams": 2, "early_stopping": True}, {"num_beams": 4, "do_sample": True}])
def test_beams_of_one_prompt_draw_alike(llama: Any, tokens: Any, options: dict[str, Any]) -> None:
    """Random keys are drawn by the prompt's row, not the beam's: a beam scores what its sequence scores alone."""
    ids = tokens(LENGTH)
    adapter = ModelAdapterHF(llama, DRAWN)
    torch.manual_seed(0)
    with adapter.enable_sparse_mode():
        sequences, found = search(llama, ids, **options)
        alone = torch.cat([scores(llama, sequence[None]) for sequence in sequences])
    torch.testing.assert_close(found, alone, atol=2e-5, rtol=0)


@pytest.mark.parametrize(
    "protocol", [{"sparse_from": "context"}, {"first_tokens_dense": 2}], ids=lambda each: min(each)
)
def test_beams_of_other_protocols(llama: Any, tokens: Any, protocol: dict[str, Any]) -> None:
    """Beams score as alone after a prompt that is sparse itself, and where their first tokens are dense."""
    ids = tokens(LENGTH, batch=2)
    with ModelAdapterHF(llama, LEARNED, protocol=protocol).enable_sparse_mode():
        sequences, found = search(llama, ids)
        alone = scores(llama, sequences)
    torch.testing.assert_close(found, alone, atol=2e-5, rtol=0)


@pytest.mark.parametrize("config", [PAGES, LEARNED], ids=["pages", "learned"])
def test_beams_from_a_filled_cache(llama: Any, tokens: Any, config: Any) -> None:
    """A context read beforehand and repeated for every beam: question and beams are sparse, and score as alone."""
    ids = tokens(LENGTH, batch=2)
    cache, contexts = read(llama, ids[:, :18]), read(llama, ids[:, :18])
    cache.batch_repeat_interleave(3)
    contexts.batch_repeat_interleave(2)
    adapter = ModelAdapterHF(llama, config)
    with adapter.enable_sparse_mode() as mode:
        sequences, found = search(llama, ids, past_key_values=cache)
        assert mode.sparse_forwards == NEW
        alone = scores(llama, sequences, contexts)
    torch.testing.assert_close(found, alone, atol=2e-5, rtol=0)


def test_beams_in_a_static_cache(gemma2: Any, tokens: Any) -> None:
    """Beams are the same in a static cache, sliding layers included, and before tokens that stay dense have come."""
    ids = tokens(LENGTH)
    adapter = ModelAdapterHF(gemma2, PAGES, protocol={"first_tokens_dense": 3})
    found = []
    for cache in (DynamicCache(config=gemma2.config), StaticCache(config=gemma2.config, max_cache_len=40)):
        with adapter.enable_sparse_mode():
            found.append(search(gemma2, ids, past_key_values=cache))
    assert torch.equal(found[0][0], found[1][0])
    torch.testing.assert_close(found[0][1], found[1][1], atol=2e-5, rtol=0)


@pytest.mark.parametrize("config", [PAGES, LEARNED], ids=["pages", "learned"])
def test_rows_that_a_user_moves(llama: Any, tokens: Any, config: Any) -> None:
    """Rows reordered, chosen or repeated by hand go on as they do alone: indexes are of the keys that are there."""
    ids, question, step = tokens(18, batch=3), tokens(6, batch=3, seed=1), tokens(2, batch=1, seed=2)
    adapter = ModelAdapterHF(llama, config)

    def alone(rows: list[int]) -> Tensor:
        found = []
        for row in rows:
            cache = read(llama, ids[row : row + 1])
            logits_of(llama, question[row : row + 1], cache)
            found.append(logits_of(llama, step, cache))
        return torch.cat(found)

    with adapter.enable_sparse_mode():
        for rows in ([2, 0, 1], [1, 1], [0, 0, 1, 1, 2, 2]):
            cache = read(llama, ids)
            logits_of(llama, question, cache)
            if rows == [2, 0, 1]:
                cache.reorder_cache(torch.tensor(rows))
            elif rows == [1, 1]:
                cache.batch_select_indices(torch.tensor(rows))
            else:
                cache.batch_repeat_interleave(2)
            found = logits_of(llama, step.expand(len(rows), -1), cache)
            torch.testing.assert_close(found, alone(rows), atol=2e-5, rtol=0)


def test_a_followed_cache_is_a_cache(llama: Any, tokens: Any) -> None:
    """Its copies are reordered by themselves, it can be pickled, and after the mode nothing is left in it."""
    ids = tokens(18, batch=2)
    swapped = torch.tensor([1, 0])
    adapter = ModelAdapterHF(llama, PAGES)
    with adapter.enable_sparse_mode():
        cache = read(llama, ids)
        keys = cache.layers[0].keys
        for copied in (copy.deepcopy(cache), fork_cache(cache), pickle.loads(pickle.dumps(cache))):
            copied.reorder_cache(swapped)
            assert torch.equal(copied.layers[0].keys, keys[swapped])
            assert cache.layers[0].keys is keys
        logits_of(llama, ids[:, :2], cache)
    assert set(vars(cache)) == set(vars(read(llama, ids)))


def test_beams_leave_the_model_as_it_was(llama: Any, tokens: Any) -> None:
    """A search that fails half-way leaves neither model nor cache changed: dense beams are what they were."""
    ids, cache = tokens(LENGTH), DynamicCache(config=llama.config)
    before = search(llama, ids)[0]

    def fail(inputs: Any, output: Any) -> None:
        raise KeyboardInterrupt

    adapter = ModelAdapterHF(llama, {"maskers": WINDOWS})
    with adapter.enable_sparse_mode() as mode:
        mode.on_call = fail
        with pytest.raises(KeyboardInterrupt):
            generate(llama, ids, num_beams=2, past_key_values=cache)
        mode.on_call = None
        generate(llama, ids)
    assert "generate" not in vars(llama)
    assert not {"reorder_cache", "crop"} & set(vars(cache))
    assert torch.equal(search(llama, ids)[0], before)
