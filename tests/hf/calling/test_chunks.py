"""Prompts that ``generate`` reads in chunks: all of them dense, as if read at once."""

from __future__ import annotations

from typing import Any

import pytest
import torch
from tests.hf.conftest import build_model

from sah_hf import ModelAdapterHF

from .generate import FULL, LEARNED, OPTIONS, ORACLE, PAGES, generate, padded

CHUNKS: dict[str, Any] = {"prefill_chunk_size": 7}


@pytest.mark.parametrize("config", [FULL, ORACLE, PAGES, LEARNED], ids=["full", "oracle", "pages", "learned"])
@pytest.mark.parametrize("family", ["llama", "gemma2", "deepseek_v3"])
def test_chunks_change_nothing(family: str, tokens: Any, config: Any) -> None:
    """A prompt of 30 tokens read in chunks of 7 gives what it gives whole, and its indexes are of all of it."""
    model, ids = build_model(family), tokens(30, batch=2)
    adapter = ModelAdapterHF(model, config)
    dense = generate(model, ids)
    found = []
    options: dict[str, Any]
    for options in ({}, CHUNKS):
        with adapter.enable_sparse_mode() as mode:
            found.append((generate(model, ids, **options), mode.sparse_forwards, mode.meter.density))
    assert found[0] == found[1]
    assert (found[0][0] == dense) == (config is FULL)


def test_recurrent_layers_too(tokens: Any) -> None:
    """A hybrid reads chunks densely as well; in transformers 4.57, where it makes its cache itself, it reads none."""
    model, ids = build_model("qwen3_next"), tokens(30)
    adapter = ModelAdapterHF(model, ORACLE)
    with adapter.enable_sparse_mode():
        whole = generate(model, ids)
        if hasattr(model, "_supports_default_dynamic_cache") and not model._supports_default_dynamic_cache():
            with pytest.raises(ValueError, match="without a cache"):
                generate(model, ids, **CHUNKS)
        else:
            assert generate(model, ids, **CHUNKS) == whole


def test_dense_tokens_begin_where_the_prompt_ends(llama: Any, tokens: Any) -> None:
    """Chunks do not count among the first tokens that stay dense, and what is given to a filled cache is sparse."""
    ids = tokens(30)
    adapter = ModelAdapterHF(llama, PAGES, protocol={"first_tokens_dense": 2})
    found = []
    options: dict[str, Any]
    for options in ({}, CHUNKS):
        with adapter.enable_sparse_mode() as mode:
            found.append(generate(llama, ids, **options))
        assert mode.sparse_forwards == OPTIONS["max_new_tokens"] - 1 - 2
    assert found[0] == found[1]


def test_chunks_of_padded_rows(llama: Any, tokens: Any) -> None:
    """Whatever transformers makes of padded chunks, a full mask makes the same."""
    ids, mask = padded(tokens(30, batch=2), [0, 9])
    dense = generate(llama, ids, mask, **CHUNKS)
    with ModelAdapterHF(llama, FULL).enable_sparse_mode():
        assert generate(llama, ids, mask, **CHUNKS) == dense


def test_a_second_prompt_in_the_same_call_is_its_own(llama: Any, tokens: Any) -> None:
    """Guidance reads one token of the prompt into a cache of its own: that cache is sparse after its own prompt."""
    ids = tokens(20)
    adapter = ModelAdapterHF(llama, FULL)
    options = {**OPTIONS, "guidance_scale": 1.5}
    dense = llama.generate(ids, attention_mask=torch.ones_like(ids), **options)
    with adapter.enable_sparse_mode() as mode:
        sparse = llama.generate(ids, attention_mask=torch.ones_like(ids), **options)
    assert torch.equal(sparse, dense)
    assert mode.sparse_forwards == 2 * (OPTIONS["max_new_tokens"] - 1)
