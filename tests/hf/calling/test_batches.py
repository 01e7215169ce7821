"""Batches of rows of different lengths: padding is no token on the left, nor on the right, and rows do not mix."""

from __future__ import annotations

from typing import Any

import pytest
import torch
from tests.hf.conftest import build_model
from torch import Tensor

from sah_hf import ModelAdapterHF

from .generate import DRAWN, FULL, LEARNED, NEW, OPTIONS, ORACLE, PAGES, generate, logits_of, padded, read

LENGTH = 20
GAPS = [0, 5, 11]


def after_padding(model: Any, ids: Tensor, mask: Tensor, question: Tensor) -> Tensor:
    """Logits of a question of four tokens and one more, which continue rows of different lengths where they end."""
    cache = read(model, ids, attention_mask=mask)
    lengths, found = mask.sum(1, keepdim=True), []
    for tokens in (question[:, :4], question[:, 4:]):
        places = lengths + torch.arange(tokens.shape[1])
        mask = torch.cat([mask, torch.ones_like(tokens)], 1)
        lengths = lengths + tokens.shape[1]
        found.append(logits_of(model, tokens, cache, attention_mask=mask, position_ids=places))
    return torch.cat(found, 1)


@pytest.mark.parametrize("family", ["llama", "gemma2", "qwen3_next", "deepseek_v3"])
def test_right_padding_of_a_full_mask_is_dense(family: str, tokens: Any, backend: str) -> None:
    """Continued behind padding on the right, rows get what the model's own attention makes of them."""
    model = build_model(family)
    ids, mask = padded(tokens(LENGTH, batch=3), GAPS, right=True)
    question = tokens(5, batch=3, seed=1)
    dense = after_padding(model, ids, mask, question)
    with ModelAdapterHF(model, {**FULL, "kind": backend}).enable_sparse_mode():
        sparse = after_padding(model, ids, mask, question)
    torch.testing.assert_close(sparse, dense, atol=2e-5, rtol=0)


@pytest.mark.parametrize("family", ["llama", "deepseek_v3"])
def test_right_padding_is_no_token(family: str, tokens: Any) -> None:
    """A row is what it is alone: sinks, windows and the best keys are of its own tokens.

    What is kept of keys in advance is of all columns: padding behind a context enters its pages and centroids, and
    numbers the draws. It is never attended to, but rows choose other keys than alone. Padding in front does not.
    """
    model = build_model(family)
    ids, mask = padded(tokens(LENGTH, batch=3), GAPS, right=True)
    question = tokens(5, batch=3, seed=1)
    with ModelAdapterHF(model, ORACLE).enable_sparse_mode():
        batch = after_padding(model, ids, mask, question)
        for row, gap in enumerate(GAPS):
            own = ids[row : row + 1, : LENGTH - gap]
            alone = after_padding(model, own, torch.ones_like(own), question[row : row + 1])
            torch.testing.assert_close(batch[row : row + 1], alone, atol=2e-5, rtol=0)


@pytest.mark.parametrize("config", [PAGES, LEARNED], ids=["pages", "learned"])
def test_left_padding_enters_no_index(llama: Any, tokens: Any, config: Any) -> None:
    """Behind padding in front, pages and centroids are those of the row alone."""
    ids, mask = padded(tokens(30, batch=3), [0, 9, 20])
    with ModelAdapterHF(llama, config).enable_sparse_mode():
        alone = [generate(llama, ids[row : row + 1, gap:])[0] for row, gap in enumerate([0, 9, 20])]
        assert generate(llama, ids, mask) == alone


def test_generate_behind_right_padding(llama: Any, tokens: Any) -> None:
    """What ``generate`` makes of rows that end in padding, a full mask makes too, whatever it is worth."""
    ids, mask = padded(tokens(LENGTH, batch=3), GAPS, right=True)
    dense = generate(llama, ids, mask)
    with ModelAdapterHF(llama, FULL).enable_sparse_mode():
        assert generate(llama, ids, mask) == dense


@pytest.mark.parametrize("config", [FULL, ORACLE, PAGES, LEARNED], ids=["full", "oracle", "pages", "learned"])
def test_questions_in_a_batch_over_one_context(llama: Any, tokens: Any, config: Any) -> None:
    """A context read once and repeated for three questions of different lengths gives each its answer alone."""
    context, questions = tokens(18), tokens(8, batch=3, seed=1)
    adapter = ModelAdapterHF(llama, config)
    gaps = [0, 2, 5]

    def ask(rows: list[int], gap: int = 0) -> list[list[int]]:
        cache = read(llama, context)
        cache.batch_repeat_interleave(len(rows))
        ids, mask = padded(questions[rows, gap:], [gaps[row] - gap for row in rows])
        ids = torch.cat([context.expand(len(rows), -1), ids], 1)
        mask = torch.cat([torch.ones_like(ids[:, :18]), mask], 1)
        return generate(llama, ids, mask, past_key_values=cache)

    with adapter.enable_sparse_mode():
        alone = [ask([row], gaps[row])[0] for row in range(3)]
        together = ask([0, 1, 2])
    assert together[0] == alone[0]
    if config in (FULL, ORACLE):  # the padding between context and question enters pages and centroids
        assert together == alone
    if config is FULL:
        with adapter.enable_dense_mode():
            assert ask([0, 1, 2]) == together


@pytest.mark.parametrize("filled", [0, 12], ids=["from nothing", "from a filled cache"])
def test_embeddings_instead_of_ids(llama: Any, tokens: Any, filled: int) -> None:
    """The prompt ends where its embeddings end, the tokens are those that its ids give."""
    ids = tokens(LENGTH, batch=2)
    options = {**OPTIONS, "attention_mask": torch.ones_like(ids)}
    embeddings = llama.get_input_embeddings()(ids).detach()
    found = []
    with ModelAdapterHF(llama, DRAWN).enable_sparse_mode() as mode:
        for given in ({"input_ids": ids}, {"inputs_embeds": embeddings}):
            cache = read(llama, ids[:, :filled]) if filled else None
            before = mode.meter.calls
            output = llama.generate(**given, **options, past_key_values=cache)[:, -NEW:]
            found.append((output.tolist(), mode.meter.calls - before))
    assert found[0] == found[1]
