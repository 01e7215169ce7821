"""The embedded model answers: dense exact match, with transformers alone and no network."""

from pathlib import Path
from typing import Any

import pytest
import torch
from safetensors import safe_open
from transformers import LlamaForCausalLM, PreTrainedTokenizerFast

from sah_hf import ModelAdapterHF, Request
from sah_model_needle import NeedleTask
from sah_model_needle.checkpoint import directory
from sah_model_needle.vocabulary import EOS

SEED = 20_000  # far from the seeds of the demo and the model card


def answers(
    model: LlamaForCausalLM, tokenizer: PreTrainedTokenizerFast, context: str, questions: tuple[str, ...]
) -> list[list[int]]:
    """What greedy generation adds to each question, read after the context, all in one batch."""
    asked = tokenizer([f"{context} {question}" for question in questions], return_tensors="pt")
    generator: Any = model  # transformers' own annotation of generate() refuses every model
    generated = generator.generate(**asked, max_new_tokens=8, do_sample=False)
    return [row.tolist() for row in generated[:, asked["input_ids"].shape[1] :]]


@pytest.mark.parametrize(
    ("task", "questions", "bar"),
    [
        (NeedleTask(length=1024, spacing=24, questions=32), 64, 0.98),
        (NeedleTask(length=1024, spacing=8, questions=32), 64, 0.98),
        (NeedleTask("vote", length=1024, spacing=8), 40, 0.84),
    ],
    ids=["retrieval", "dense records", "vote"],
)
def test_dense_exact_match(
    model: LlamaForCausalLM, tokenizer: PreTrainedTokenizerFast, task: NeedleTask, questions: int, bar: float
) -> None:
    """The bar of each task at 1024 tokens; a right answer is three words and the end token, and nothing after it."""
    right = 0
    for sample in task.samples(questions, SEED):
        for said, answer in zip(
            answers(model, tokenizer, sample.context, sample.questions), sample.answers, strict=True
        ):
            expected = tokenizer(answer, add_special_tokens=False)["input_ids"] + [EOS]
            right += said[: len(expected)] == expected
    assert right / questions >= bar


def test_generation_stops_at_the_end_token(model: LlamaForCausalLM, tokenizer: PreTrainedTokenizerFast) -> None:
    """Given room for more, generation ends by itself after three words and <eos>."""
    sample = NeedleTask(length=256).sample(SEED)
    for question in sample.questions:
        (said,) = answers(model, tokenizer, sample.context, (question,))
        assert len(said) == 4
        assert said[-1] == EOS


def test_chat(model: LlamaForCausalLM, tokenizer: PreTrainedTokenizerFast) -> None:
    """Asked as a chat, which the tokenizer's template makes the same text, it answers the same."""
    sample = NeedleTask(length=256).sample(SEED)
    adapter = ModelAdapterHF(model, tokenizer=tokenizer, generation={"max_new_tokens": 8})
    response = adapter.process_request(Request(f"{sample.context} ", sample.questions, chat=True))
    assert response.responses == list(sample.answers)
    assert response.report.context_tokens == 256


def test_few_records_in_much_filler(model: LlamaForCausalLM, tokenizer: PreTrainedTokenizerFast) -> None:
    """Contexts far sparser than those of training, such as a hand-written one, are read too."""
    context = "the river banak one two three . stone " + "grass rain wind moon " * 200 + "bedor nine four zero . tree"
    said = answers(model, tokenizer, context, ("? banak", "? bedor"))
    assert [tokenizer.decode(ids, skip_special_tokens=True) for ids in said] == ["one two three", "nine four zero"]


def test_weights_are_small_and_computed_in_float32(model: LlamaForCausalLM) -> None:
    """Half precision in the package, under 4 MB; single precision once loaded; embeddings are not tied."""
    file = Path(directory(), "model.safetensors")
    assert file.stat().st_size < 4_000_000
    with safe_open(file, framework="pt") as stored:
        assert {stored.get_tensor(name).dtype for name in stored.keys()} == {torch.float16}  # noqa: SIM118 - no mapping
    assert {weight.dtype for weight in model.parameters()} == {torch.float32}
    assert model.lm_head.weight is not model.model.embed_tokens.weight
