"""A conversation in one KV cache: turns follow one another, caches are cut back, modes are left and entered again."""

from __future__ import annotations

from typing import Any

import pytest
import torch
from tests.hf.conftest import build_model
from torch import Tensor
from transformers import StaticCache

from sah_hf import ModelAdapterHF
from sah_hf.contexts.cache import fork_cache
from sah_hf.modes.call_states import CallStates
from sah_hf.modes.mode import opened
from sah_hf.modes.sparse_mode import SparseMode

from .generate import FULL, LEARNED, ORACLE, PAGES, generate, logits_of, read

CONFIGS = pytest.mark.parametrize("config", [ORACLE, PAGES, LEARNED], ids=["oracle", "pages", "learned"])
PROMPT = 18


class Chat:
    """One conversation: what was said so far, and the cache that holds it."""

    def __init__(self, model: Any, cache: Any, said: Tensor) -> None:
        self.model, self.cache, self.said = model, cache, said

    def turn(self, text: Tensor) -> list[int]:
        """The model's answer to the user's next turn."""
        ids = torch.cat([self.said, text], 1)
        (answer,) = generate(self.model, ids, past_key_values=self.cache)
        self.said = torch.cat([ids, torch.tensor([answer])], 1)
        return answer


@pytest.fixture
def turns(tokens: Any) -> list[Tensor]:
    """What the user says."""
    return [tokens(length, seed=10 + length) for length in (PROMPT, 5, 4)]


def begin(model: Any, prompt: Tensor) -> Chat:
    return Chat(model, read(model, prompt), prompt)


@pytest.mark.parametrize("family", ["llama", "gemma2", "qwen3_next", "deepseek_v3"])
def test_turns_of_a_full_mask_are_dense_turns(family: str, turns: list[Tensor]) -> None:
    """Two turns after the first prompt, in one cache, are those of the model's own attention."""
    model = build_model(family)
    chat = begin(model, turns[0])
    dense = [chat.turn(text) for text in turns[1:]]
    with ModelAdapterHF(model, FULL).enable_sparse_mode():
        chat = begin(model, turns[0])
        assert [chat.turn(text) for text in turns[1:]] == dense


@CONFIGS
def test_a_turn_goes_on_with_the_indexes_of_the_first(llama: Any, turns: list[Tensor], config: Any) -> None:
    """The last turn of a mode is that of a mode given the cache and an index fitted on the first prompt alone."""
    adapter = ModelAdapterHF(llama, config)
    with adapter.enable_sparse_mode():
        chat = begin(llama, turns[0])
        chat.turn(turns[1])
        again = Chat(llama, fork_cache(chat.cache), chat.said)
        last = chat.turn(turns[2])
    assert adapter.attention is not None
    with opened(SparseMode(llama, adapter.attention)) as mode:
        mode.keep_states(again.cache, CallStates(context_length=PROMPT))
        assert again.turn(turns[2]) == last


@CONFIGS
def test_a_mode_entered_again(llama: Any, turns: list[Tensor], config: Any) -> None:
    """It starts new indexes, fitted on all that the cache holds; where nothing is learned the answer is the same."""
    adapter = ModelAdapterHF(llama, config)
    with adapter.enable_sparse_mode():
        chat = begin(llama, turns[0])
        chat.turn(turns[1])
        again = Chat(llama, fork_cache(chat.cache), chat.said)
        last = chat.turn(turns[2])
    with adapter.enable_sparse_mode():
        assert (again.turn(turns[2]) == last) == (config is not LEARNED)


@CONFIGS
@pytest.mark.parametrize("kept", [PROMPT, 12], ids=["to the prompt", "into the prompt"])
def test_a_cache_cut_back(llama: Any, turns: list[Tensor], config: Any, kept: int) -> None:
    """Cropped to its prompt, or into it, a cache is one that never held more: its next tokens are sparse at once."""
    adapter = ModelAdapterHF(llama, config)
    with adapter.enable_sparse_mode():
        chat = begin(llama, turns[0][:, :kept])
        expected = logits_of(llama, turns[2], chat.cache)
    with adapter.enable_sparse_mode() as mode:
        chat = begin(llama, turns[0])
        chat.turn(turns[1])
        before = mode.sparse_forwards
        chat.cache.crop(kept - chat.cache.get_seq_length())
        found = logits_of(llama, turns[2], chat.cache)
        assert mode.sparse_forwards == before + 1
    torch.testing.assert_close(found, expected, atol=2e-5, rtol=0)


@CONFIGS
def test_a_cache_filled_again_where_the_mode_does_not_see(llama: Any, turns: list[Tensor], config: Any) -> None:
    """Cut back and continued densely with something else, its indexes are of what it holds now."""
    adapter = ModelAdapterHF(llama, config)
    found = []
    for said in (turns[1], turns[1].flip(1)[:, :1]):
        cache = read(llama, turns[0])
        with adapter.enable_sparse_mode():
            logits_of(llama, said, cache)
            cache.crop(-said.shape[1])
            with adapter.enable_dense_mode():
                logits_of(llama, turns[1].flip(1), cache)
            found.append(logits_of(llama, turns[2], cache))
    torch.testing.assert_close(found[0], found[1], atol=2e-5, rtol=0)


def test_a_static_cache_rolled_back(llama: Any, turns: list[Tensor]) -> None:
    """A static cache whose counters are set back into the prompt is one that never held more."""
    adapter = ModelAdapterHF(llama, LEARNED)

    def step(cache: Any, text: Tensor, start: int) -> Tensor:
        places = torch.arange(start, start + text.shape[1])
        given: dict[str, Any] = {"position_ids": places[None], "cache_position": places}
        return logits_of(llama, text, cache, **given)

    found = []
    for detour in (False, True):
        cache = StaticCache(config=llama.config, max_cache_len=40)
        with adapter.enable_sparse_mode():
            step(cache, turns[0] if detour else turns[0][:, :12], 0)
            if detour:
                step(cache, turns[1], PROMPT)
                layers: list[Any] = cache.layers
                for layer in layers:
                    if hasattr(layer, "cumulative_length"):  # 4.57 is told by cache_position alone
                        layer.cumulative_length.fill_(12)
            found.append(step(cache, turns[2], 12))
    torch.testing.assert_close(found[0], found[1], atol=2e-5, rtol=0)
