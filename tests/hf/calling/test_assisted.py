"""Assisted decoding in a sparse mode: drafts are judged by sparse attention, and what was rejected leaves no trace."""

from __future__ import annotations

from contextlib import nullcontext
from typing import Any

import pytest
import torch
import transformers
from tests.hf.conftest import build_model
from torch import Tensor

from sah_hf import GenerationError, ModelAdapterHF

from .generate import DRAWN, FULL, LEARNED, OPTIONS, ORACLE, PAGES, read

NEW = 8
ALL = [ORACLE, PAGES, LEARNED, DRAWN]
NAMES = ["oracle", "pages", "learned", "drawn"]


def answer(model: Any, ids: Tensor, **options: Any) -> list[int]:
    """The new tokens, which may repeat."""
    # A draft ends at an end token, and transformers 4.57 looks for it whether or not there is one.
    options = {**OPTIONS, "max_new_tokens": NEW, "eos_token_id": 257, **options}
    new: list[int] = model.generate(ids, attention_mask=torch.ones_like(ids), **options)[0, ids.shape[1] :].tolist()
    return new


@pytest.fixture
def prompt(tokens: Any) -> Tensor:
    """Ten tokens three times over, so that drafts can be looked up."""
    repeated: Tensor = tokens(10, seed=1).repeat(1, 3)
    return repeated


@pytest.mark.parametrize("config", [FULL, *ALL], ids=["full", *NAMES])
@pytest.mark.parametrize("family", ["llama", "deepseek_v3"])
def test_drafts_change_nothing(family: str, prompt: Tensor, config: Any) -> None:
    """Looked up or made by another model, and many of them wrong, they give the tokens of sparse greedy search.

    The first is judged by the forward that reads the prompt: its queries are sparse, the prompt's are not.
    """
    model = build_model(family)
    adapter = ModelAdapterHF(model, config)
    dense = answer(model, prompt)
    with adapter.enable_sparse_mode():
        plain = answer(model, prompt)
    assert (plain == dense) == (config is FULL)
    for options in ({"prompt_lookup_num_tokens": 3}, {"assistant_model": build_model("llama")}):
        lengths: list[int] = []
        with adapter.enable_sparse_mode() as mode:
            mode.on_call = lambda inputs, output, lengths=lengths: lengths.append(inputs.shape[2])
            assert answer(model, prompt, **options) == plain
        assert max(lengths) > 1, "there were drafts"
        assert config is FULL or sum(lengths) > 2 * (NEW - 1), "and some were wrong"
        assert len(lengths) == mode.meter.calls == len(adapter.layers) * mode.sparse_forwards


@pytest.mark.parametrize("config", [ORACLE, DRAWN], ids=["oracle", "drawn"])
def test_drafts_in_a_sliding_window(prompt: Tensor, config: Any) -> None:
    """So they do where windows have moved on; only an index of a window is another one for every window."""
    model = build_model("gemma2")
    adapter = ModelAdapterHF(model, config)
    with adapter.enable_sparse_mode():
        plain = answer(model, prompt)
        assert answer(model, prompt, assistant_model=build_model("llama")) == plain
        assert answer(model, prompt, prompt_lookup_num_tokens=3) == plain


def test_an_assistant_in_a_mode_of_its_own(llama: Any, prompt: Tensor) -> None:
    """An assistant is dense, unless it is in a sparse mode too: then its drafts are others, and the answer the same."""
    assistant = build_model("deepseek_v3")
    adapter, other = ModelAdapterHF(llama, PAGES), ModelAdapterHF(assistant, ORACLE)
    with adapter.enable_sparse_mode():
        plain = answer(llama, prompt)
        with other.enable_sparse_mode() as mode:
            assert answer(llama, prompt, assistant_model=assistant) == plain
        assert mode.sparse_forwards > 0


def test_drafts_after_a_filled_cache(llama: Any, prompt: Tensor) -> None:
    """Where transformers reads a whole prompt again behind what its cache holds, as 5 does here, that is refused."""
    again = int(transformers.__version__.split(".")[0]) >= 5
    refused = pytest.raises(GenerationError, match="all 30 tokens of its prompt once more, behind the 20 columns")
    with ModelAdapterHF(llama, PAGES).enable_sparse_mode():
        plain = answer(llama, prompt, past_key_values=read(llama, prompt[:, :20]))
        cache = read(llama, prompt[:, :20])
        with refused if again else nullcontext():
            assert answer(llama, prompt, past_key_values=cache, prompt_lookup_num_tokens=3) == plain
        if again:
            assert cache.get_seq_length() == 20
            assert answer(llama, prompt, past_key_values=cache) == plain


def test_a_recurrent_model_takes_no_drafts(tokens: Any) -> None:
    """What it has read cannot be unread: transformers says so, in a sparse mode as elsewhere."""
    model = build_model("qwen3_next")
    adapter = ModelAdapterHF(model, ORACLE)
    with adapter.enable_sparse_mode(), pytest.raises(ValueError, match="not supported with stateful models"):
        answer(model, tokens(20), prompt_lookup_num_tokens=3)
