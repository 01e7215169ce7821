"""A tokenizer with a vocabulary of some size, which needs no download: BPE of bytes, learned from Python's pages."""

from __future__ import annotations

import inspect
import pydoc_data.topics
from collections.abc import Iterator
from typing import Any

from tokenizers import Tokenizer, decoders, models, pre_tokenizers, trainers
from transformers import PreTrainedTokenizerFast

__all__ = ["trained_tokenizer"]


def trained_tokenizer(vocabulary: int = 32_000) -> Any:
    """Byte-level BPE like GPT-2's, with a token at the beginning; fewer tokens where the text has no more."""
    tokenizer = Tokenizer(models.BPE())
    tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    tokenizer.decoder = decoders.ByteLevel()
    trainer = trainers.BpeTrainer(
        vocab_size=vocabulary,
        special_tokens=["<s>"],
        initial_alphabet=pre_tokenizers.ByteLevel.alphabet(),
        show_progress=False,
    )
    tokenizer.train_from_iterator(_texts(), trainer)
    made: Any = PreTrainedTokenizerFast  # whose constructor transformers leaves untyped
    return made(tokenizer_object=tokenizer, bos_token="<s>", model_max_length=10**9)


def _texts() -> Iterator[str]:
    from wonderwords import RandomWord  # type: ignore[import-untyped]  # it has no types

    yield from pydoc_data.topics.topics.values()
    yield inspect.getsource(inspect)
    yield " ".join(RandomWord().filter())
