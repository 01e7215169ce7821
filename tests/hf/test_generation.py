"""Generation options: greedy unless they say otherwise, any end token ends an answer, a request may override."""

from __future__ import annotations

from typing import Any

import torch

from sah_hf import Request
from sah_hf.requests.generation import GenerationOptions

from .conftest import MakeAdapter, build_model

REQUEST = Request("A mole lives at 7 Elm Row. " * 4, "Who lives there?")


def test_greedy_whatever_the_model_was_published_with(adapt: MakeAdapter) -> None:
    """A model's own defaults for sampling, beams and caching do not count; asked for, sampling applies."""
    model = build_model("llama")
    plain = adapt(model).process_request(REQUEST).responses
    model.generation_config.update(do_sample=True, temperature=0.7, top_p=0.9, top_k=20, num_beams=3, use_cache=False)
    adapter = adapt(model)
    response = adapter.process_request(REQUEST)
    assert response.responses == plain
    assert set(response.report.generation) == {
        *("do_sample", "num_beams", "max_new_tokens", "no_repeat_ngram_size", "eos_token_id", "pad_token_id")
    }
    sampled = set()
    for seed in range(5):
        torch.manual_seed(seed)
        sampled.add(adapter.process_request(REQUEST, {"do_sample": True, "temperature": 5.0}).responses)
    assert len(sampled) > 1


def test_any_end_token_ends_an_answer(adapt: MakeAdapter, tokenizer: Any) -> None:
    """The model's end tokens and the tokenizer's all count; the end token is counted and not shown."""
    model = build_model("llama")
    adapter = adapt(model)
    whole = adapter.process_request(REQUEST)
    letters = tokenizer.convert_tokens_to_ids(list(whole.responses))
    assert len(letters) == 6
    model.generation_config.eos_token_id = [7, letters[3]]
    cut = adapter.process_request(REQUEST)
    assert cut.report.generation["eos_token_id"] == sorted({7, letters[3], 257})
    assert cut.responses == whole.responses[:3]
    assert cut.report.answer_tokens == 4
    assert adapter.process_request(REQUEST, {"eos_token_id": letters[1]}).responses == whole.responses[:1]


def test_a_request_overrides(llama: Any, adapt: MakeAdapter) -> None:
    """What a request says counts for it alone; what it leaves out stays the adapter's."""
    adapter = adapt(llama, generation={"max_new_tokens": 3, "no_repeat_ngram_size": 1})
    assert adapter.process_request(REQUEST, {"max_new_tokens": 5}).report.answer_tokens == 5
    assert adapter.process_request(REQUEST).report.answer_tokens == 3
    options = GenerationOptions({"max_new_tokens": 3}).overridden({"min_new_tokens": 2})
    assert options.chosen == {"do_sample": False, "num_beams": 1, "max_new_tokens": 3, "min_new_tokens": 2}


def test_stop_strings(llama: Any, adapt: MakeAdapter) -> None:
    """Stop strings need the tokenizer, which a request has."""
    adapter = adapt(llama)
    whole = adapter.process_request(REQUEST).responses
    assert isinstance(whole, str)
    assert adapter.process_request(REQUEST, {"stop_strings": [whole[2]]}).responses == whole[:3]
