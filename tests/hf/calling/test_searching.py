"""Ways to choose the next token inside a sparse mode: what they see is sparse, and nothing else about them changes."""

from __future__ import annotations

from typing import Any

import pytest
import torch
from tests.hf.conftest import build_model
from torch import Tensor
from transformers import LogitsProcessor, LogitsProcessorList

from sah_hf import ModelAdapterHF

from .generate import DRAWN, FULL, NEW, OPTIONS, ORACLE, PAGES, generate, read

SAMPLING = [
    {},
    {"top_k": 5},
    {"top_p": 0.8},
    {"min_p": 0.05, "temperature": 2.0},
    {"num_return_sequences": 3},
    {"top_k": 0, "num_return_sequences": 2, "repetition_penalty": 1.5},
]


class Even(LogitsProcessor):
    """Allows tokens with an even number alone."""

    def __call__(self, input_ids: Tensor, scores: Tensor) -> Tensor:
        return scores.masked_fill(torch.arange(scores.shape[1]) % 2 == 1, -torch.inf)


def sample(model: Any, ids: Tensor, **options: Any) -> Any:
    torch.manual_seed(3)
    options = {**OPTIONS, "do_sample": True, **options}
    return model.generate(ids, attention_mask=torch.ones_like(ids), **options)


@pytest.mark.parametrize("options", SAMPLING, ids=lambda options: "-".join(options) or "plain")
def test_a_full_mask_samples_as_dense_attention_does(llama: Any, tokens: Any, options: dict[str, Any]) -> None:
    """Sampling draws from torch's generator as it does without us: the same seed, the same tokens."""
    ids = tokens(20, batch=2)
    dense = sample(llama, ids, **options)
    with ModelAdapterHF(llama, FULL).enable_sparse_mode() as mode:
        assert torch.equal(sample(llama, ids, **options), dense)
    assert mode.sparse_forwards == NEW - 1
    assert len(dense) == 2 * options.get("num_return_sequences", 1)


@pytest.mark.parametrize("config", [ORACLE, PAGES, DRAWN], ids=["oracle", "pages", "drawn"])
@pytest.mark.parametrize("family", ["llama", "gemma2"])
def test_returned_sequences_are_rows(family: str, tokens: Any, config: Any) -> None:
    """The logits of each of several samples are those of its tokens fed again in the same row, one by one."""
    model, ids = build_model(family), tokens(20)
    with ModelAdapterHF(model, config).enable_sparse_mode():
        found = sample(model, ids, num_return_sequences=3, return_dict_in_generate=True, output_logits=True)
        cache = read(model, ids.expand(3, -1))
        for step in range(1, NEW):
            with torch.no_grad():
                output = model(input_ids=found.sequences[:, 19 + step : 20 + step], past_key_values=cache)
            torch.testing.assert_close(output.logits[:, -1], found.logits[step], atol=2e-5, rtol=0)
    assert len({tuple(row) for row in found.sequences.tolist()}) == 3


def test_rows_draw_keys_of_their_own(llama: Any, tokens: Any) -> None:
    """A row of a batch draws by its number: two rows of one prompt attend to other keys, the first as it does alone."""
    ids = tokens(20)
    options = {"return_dict_in_generate": True, "output_logits": True, **OPTIONS}
    with ModelAdapterHF(llama, DRAWN).enable_sparse_mode():
        alone = llama.generate(ids, attention_mask=torch.ones_like(ids), **options).logits[1]
        twice = ids.expand(2, -1)
        both = llama.generate(twice, attention_mask=torch.ones_like(twice), **options).logits[1]
    torch.testing.assert_close(both[:1], alone, atol=2e-5, rtol=0)
    assert (both[1] - both[0]).abs().max() > 0.01


def test_a_processor_of_ones_own(llama: Any, tokens: Any) -> None:
    """A user's LogitsProcessor sees and changes the sparse logits."""
    ids = tokens(20, batch=2)
    processors = LogitsProcessorList([Even()])
    dense = generate(llama, ids, logits_processor=processors)
    with ModelAdapterHF(llama, FULL).enable_sparse_mode():
        assert generate(llama, ids, logits_processor=processors) == dense
    with ModelAdapterHF(llama, ORACLE).enable_sparse_mode():
        sparse = generate(llama, ids, logits_processor=processors)
        assert sparse != generate(llama, ids)
    assert sparse != dense
    assert all(token % 2 == 0 for row in sparse for token in row)


def test_stopping(llama: Any, tokens: Any, tokenizer: Any) -> None:
    """Stop strings, end tokens and time end a sparse answer where they should."""
    ids = tokens(20)
    with ModelAdapterHF(llama, ORACLE).enable_sparse_mode():
        (whole,) = generate(llama, ids)
        text = tokenizer.decode(whole[:3])
        assert generate(llama, ids, stop_strings=[text[-1]], tokenizer=tokenizer) == [whole[:3]]
        assert generate(llama, ids, eos_token_id=[7, whole[1]]) == [whole[:2]]
        assert generate(llama, ids, max_time=0.0) == [whole[:1]]


def test_what_generate_returns(llama: Any, tokens: Any, backend: str) -> None:
    """Scores, logits and hidden states of every step are there, and at a full mask they are dense attention's."""
    ids = tokens(20, batch=2)
    options = {**OPTIONS, "return_dict_in_generate": True, "output_scores": True, "output_logits": True}
    options["output_hidden_states"] = True
    dense = llama.generate(ids, attention_mask=torch.ones_like(ids), **options)
    with ModelAdapterHF(llama, {**FULL, "kind": backend}).enable_sparse_mode():
        sparse = llama.generate(ids, attention_mask=torch.ones_like(ids), **options)
    assert sparse.past_key_values.get_seq_length() == 20 + NEW - 1
    for name in ("scores", "logits"):
        assert len(sparse[name]) == NEW
        torch.testing.assert_close(sparse[name], dense[name], atol=2e-5, rtol=0)
    torch.testing.assert_close(sparse.hidden_states[-1][-1], dense.hidden_states[-1][-1], atol=2e-5, rtol=0)


def test_a_search_that_transformers_gave_up(llama: Any, tokens: Any) -> None:
    """Group beam search is what transformers says of it, inside a mode as outside, and the mode goes on to work."""
    ids = tokens(20)
    with ModelAdapterHF(llama, ORACLE).enable_sparse_mode():
        plain = generate(llama, ids)
        with pytest.raises(ValueError, match=r"(?i)group"):
            generate(llama, ids, num_beams=4, num_beam_groups=2, diversity_penalty=0.5)
        assert generate(llama, ids) == plain
