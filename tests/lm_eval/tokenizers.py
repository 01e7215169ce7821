"""Tokenizers that are made here: pairs of bytes that were merged, one byte a token, and one that is not fast."""

from __future__ import annotations

from functools import cache
from typing import Any

from tokenizers import Tokenizer, decoders, models, pre_tokenizers, processors, trainers
from transformers import ByT5Tokenizer, PreTrainedTokenizerFast

_TEXT = ["a mole lives here.\n\nwho lives there?\nanswer: a mole\n\n", "über  den Wörtern.\n\n\nwer?\n"]


@cache
def merged() -> Any:
    """Bytes and a few dozen merges, some across line breaks; <bos> first, <eos> last."""
    backend = Tokenizer(models.BPE())
    backend.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    backend.decoder = decoders.ByteLevel()
    alphabet = pre_tokenizers.ByteLevel.alphabet()
    trainer = trainers.BpeTrainer(
        vocab_size=320, initial_alphabet=alphabet, special_tokens=["<bos>", "<eos>"], show_progress=False
    )
    backend.train_from_iterator(_TEXT * 4, trainer)
    ids = [(name, backend.token_to_id(name)) for name in ("<bos>", "<eos>")]
    backend.post_processor = processors.TemplateProcessing(single="<bos> $A <eos>", special_tokens=ids)
    make: Any = PreTrainedTokenizerFast
    return make(tokenizer_object=backend, bos_token="<bos>", eos_token="<eos>", pad_token="<eos>")


@cache
def not_fast() -> Any:
    """One byte a token, in Python; ``</s>`` last."""
    make: Any = ByT5Tokenizer
    return make()
