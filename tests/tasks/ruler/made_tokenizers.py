"""Tokenizers of several kinds, made here: none is downloaded."""

from __future__ import annotations

from functools import cache
from typing import Any

from tokenizers import Tokenizer, models, pre_tokenizers, processors, trainers
from transformers import AutoTokenizer, ByT5Tokenizer, PreTrainedTokenizerFast

from sah_model_needle.checkpoint import directory
from sah_tasks_ruler.words import english_words

from .made_files import essay

CHAT = (
    "{% for message in messages %}<|user|>\n{{ message['content'] }}<|end|>\n{% endfor %}"
    "{% if add_generation_prompt %}<|model|>\n{% endif %}"
)

SAMPLE = [
    "One of the special magic numbers for abc is: 1234567. What are all the special magic uuids mentioned in the text?",
    "The grass is green. The sky is blue. The sun is yellow. Here we go. There and back again. VAR X = VAR Y = 12345",
    "Below is a numbered list of words. In these words, some appear more often than others. Question: Answer: Document",
]


@cache
def bpe() -> Any:
    """A byte-level BPE as GPT-2's, of a few thousand tokens; it begins a text with <s>."""
    tokenizer = Tokenizer(models.BPE())
    tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    words = " ".join(english_words().all)
    tokenizer.train_from_iterator(
        [words, essay(2000), *(10 * SAMPLE)],
        trainers.BpeTrainer(
            vocab_size=6000,
            special_tokens=["<s>", "</s>"],
            initial_alphabet=pre_tokenizers.ByteLevel.alphabet(),
            show_progress=False,
        ),
    )
    tokenizer.post_processor = processors.TemplateProcessing(
        single="<s> $A </s>", special_tokens=[("<s>", 0), ("</s>", 1)]
    )
    return fast(tokenizer, bos_token="<s>", eos_token="</s>")


@cache
def bpe_without_special() -> Any:
    """The same, which adds nothing to a text; its file says to cut texts at 64 tokens, which nobody should heed."""
    tokenizer = Tokenizer.from_str(bpe().backend_tokenizer.to_str())
    tokenizer.post_processor = processors.ByteLevel()
    tokenizer.enable_truncation(64)
    return fast(tokenizer)


@cache
def bpe_in_chat() -> Any:
    """The same with a chat template."""
    found = fast(bpe().backend_tokenizer, bos_token="<s>", eos_token="</s>")
    found.chat_template = CHAT
    return found


@cache
def words() -> Any:
    """Whole words, all but a few of them unknown."""
    known = {"<unk>": 0, "<s>": 1, "The": 2, "is": 3, ".": 4, "VAR": 5}
    tokenizer = Tokenizer(models.WordLevel(known, unk_token="<unk>"))
    tokenizer.pre_tokenizer = pre_tokenizers.Whitespace()
    return fast(tokenizer, unk_token="<unk>")


@cache
def needle() -> Any:
    """The embedded model's: 501 words, and one token for all others."""
    return AutoTokenizer.from_pretrained(directory())


@cache
def letters() -> Any:
    """ByT5's: a token for each byte, written in Python, with </s> behind a text."""
    return ByT5Tokenizer()


MADE = {
    "bpe": bpe,
    "bpe_without_special": bpe_without_special,
    "bpe_in_chat": bpe_in_chat,
    "words": words,
    "needle": needle,
}


def fast(tokenizer: Tokenizer, **special: str) -> Any:
    """As transformers has it."""
    return PreTrainedTokenizerFast(tokenizer_object=tokenizer, **special)  # type: ignore[no-untyped-call]  # it has no types


def silent(known: str) -> Any:
    """A tokenizer that drops every letter but these."""
    tokenizer = Tokenizer(models.BPE(vocab={letter: number for number, letter in enumerate(known or "~")}, merges=[]))
    return fast(tokenizer)
