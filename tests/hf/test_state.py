"""A masker's index of the context is fitted once, on the context alone, and is the same for every question."""

from __future__ import annotations

from typing import Any, Literal

import pytest
import torch
from torch import Tensor
from transformers import StaticCache

from sah_core import AttentionInputs, KeyIndex, MaskerConfig, ResearchAttention, TopKMasker, create_masker
from sah_hf import Request

from .conftest import SLIDING, WINDOW, MakeAdapter, build_model

CONTEXT = "A mole lives at 7 Elm Row. " * 4
QUESTIONS = ["Who lives there?", "Where is it that the mole has made its home", "Who lives there?"]


class SignsConfig(MaskerConfig):
    kind: Literal["signs"] = "signs"
    budget: int = 4


class Signs(KeyIndex):
    """Signs of keys around the mean of those it was fitted on; keeps a diary of what was asked of it."""

    def __init__(self, diary: list[tuple[str, int]]) -> None:
        self.diary = diary

    def fit(self, keys: Tensor) -> None:
        self.diary.append(("fit", keys.shape[2]))
        self.mean = keys.mean(2, keepdim=True)
        self.signs = (keys - self.mean).sign()
        self.length = keys.shape[2]

    def append(self, keys: Tensor) -> None:
        self.diary.append(("append", keys.shape[2]))
        self.signs = torch.cat([self.signs, (keys - self.mean).sign()], 2)
        self.length += keys.shape[2]

    def truncate(self, length: int) -> None:
        self.diary.append(("truncate", length))
        self.signs = self.signs[:, :, :length]
        self.length = length


class SignsMasker(TopKMasker[SignsConfig]):
    """Top-k by the product of the query with the index's signs."""

    def __init__(self) -> None:
        super().__init__(SignsConfig())
        self.diaries: dict[int, list[tuple[str, int]]] = {}

    def create_index(self, inputs: AttentionInputs) -> KeyIndex:
        return Signs(self.diaries.setdefault(inputs.layer_idx, []))

    def scores(self, inputs: AttentionInputs, index: KeyIndex | None) -> Tensor:
        assert isinstance(index, Signs)
        assert index.length == inputs.key_count
        signs = index.signs.repeat_interleave(inputs.group_size, 1)
        return inputs.queries @ signs.transpose(2, 3)


def attention_with(masker: SignsMasker) -> ResearchAttention:
    return ResearchAttention([create_masker({"kind": "sink", "size": 1}), masker])


def test_together_is_alone_with_an_index(model: Any, adapt: MakeAdapter) -> None:
    """What one question adds to the indexes is gone before the next: together and alone the answers are the same."""
    adapter = adapt(model, {"kind": "sink"})
    adapter.attention = attention_with(SignsMasker())
    together = adapter.process_request(Request(CONTEXT, QUESTIONS)).responses
    assert together == [adapter.process_request(Request(CONTEXT, question)).responses for question in QUESTIONS]
    assert together[0] == together[2] != together[1]


def test_an_index_is_fitted_once_on_the_context(llama: Any, adapt: MakeAdapter) -> None:
    """Three questions, one fit of exactly the context's keys a layer; each question begins where the context ends."""
    masker = SignsMasker()
    adapter = adapt(llama, {"kind": "sink"})
    adapter.attention = attention_with(masker)
    report = adapter.process_request(Request(CONTEXT, QUESTIONS)).report
    assert sorted(masker.diaries) == [0, 1]
    for diary in masker.diaries.values():
        assert [length for what, length in diary if what == "fit"] == [report.context_tokens]
        starts = [diary[at + 1] for at, entry in enumerate(diary[:-1]) if entry == ("truncate", report.context_tokens)]
        questions = {("append", len(question)) for question in QUESTIONS}
        assert questions <= {diary[1], *starts}
        assert diary[-1] == ("truncate", report.context_tokens)
    kept = report.context_tokens * 2 * 8  # keys, KV heads, width: of signs, in float32, beside a mean a head
    assert report.index_bytes == 2 * (kept + 2 * 8) * 4


def test_generate_fits_the_prompt(llama: Any, tokens: Any, adapt: MakeAdapter) -> None:
    """In a sparse mode the context is what the cache held at the first sparse call: the prompt, each time anew."""
    masker = SignsMasker()
    adapter = adapt(llama, {"kind": "sink"})
    adapter.attention = attention_with(masker)
    with adapter.enable_sparse_mode():
        for length in (20, 13):
            ids = tokens(length)
            llama.generate(
                ids, attention_mask=torch.ones_like(ids), max_new_tokens=4, eos_token_id=None, do_sample=False
            )
    assert [length for what, length in masker.diaries[0] if what == "fit"] == [20, 13]


def test_a_cache_that_is_filled_anew(llama: Any, tokens: Any, adapt: MakeAdapter) -> None:
    """A cache object used for a second prompt has a second context: its indexes start again."""
    masker = SignsMasker()
    adapter = adapt(llama, {"kind": "sink"})
    adapter.attention = attention_with(masker)
    cache: Any = StaticCache(config=llama.config, max_cache_len=40)
    with torch.no_grad(), adapter.enable_sparse_mode():
        for length in (20, 13):
            cache.reset()
            for start, end in [(0, length), (length, length + 5)]:
                places = torch.arange(start, end)
                ids = tokens(length + 5)[:, start:end]
                llama(input_ids=ids, past_key_values=cache, position_ids=places[None], cache_position=places)
    assert [length for what, length in masker.diaries[0] if what == "fit"] == [20, 13]


@pytest.mark.parametrize("family", SLIDING)
def test_a_sliding_layer_indexes_its_window(family: str, adapt: MakeAdapter) -> None:
    """A window that has moved past the context's beginning is indexed anew, as it stands; full layers keep theirs."""
    masker = SignsMasker()
    adapter = adapt(build_model(family), {"kind": "sink"})
    adapter.attention = attention_with(masker)
    report = adapter.process_request(Request(CONTEXT, "Who?")).report
    fitted = [length for what, length in masker.diaries[0] if what == "fit"]
    assert fitted[0] == WINDOW - 1 + len("Who?")
    assert set(fitted[1:]) == {WINDOW}
    assert [length for what, length in masker.diaries[1] if what == "fit"] == [report.context_tokens]
