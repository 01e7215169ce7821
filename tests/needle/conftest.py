"""The embedded model and its tokenizer, loaded by transformers alone, and needle tasks to draw."""

import pytest
import torch
from transformers import AutoModelForCausalLM, AutoTokenizer, LlamaForCausalLM, PreTrainedTokenizerFast
from transformers.utils import logging

from sah_model_needle.checkpoint import directory

torch.set_num_threads(1)  # the model is so small that threads wait for each other longer than they work
logging.disable_progress_bar()  # type: ignore[no-untyped-call]  # transformers leaves it untyped


@pytest.fixture(scope="session")
def model() -> LlamaForCausalLM:
    loaded = AutoModelForCausalLM.from_pretrained(directory(), local_files_only=True)
    assert isinstance(loaded, LlamaForCausalLM)
    return loaded


@pytest.fixture(scope="session")
def tokenizer() -> PreTrainedTokenizerFast:
    loaded = AutoTokenizer.from_pretrained(directory(), local_files_only=True)
    assert isinstance(loaded, PreTrainedTokenizerFast)
    return loaded
