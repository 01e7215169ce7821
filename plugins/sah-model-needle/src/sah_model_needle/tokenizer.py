"""The tokenizer's files: one token a word, ``<bos>`` put first, built offline."""

from __future__ import annotations

import json
from pathlib import Path

from tokenizers import AddedToken, Tokenizer, models, pre_tokenizers, processors

from .architecture import MAX_POSITIONS
from .vocabulary import BOS, EOS, FILLER_IDS, PAD, WORDS

__all__ = ["build_tokenizer", "write_tokenizer"]

_SETTINGS = {
    # the name that transformers 4 and 5 both know
    "tokenizer_class": "PreTrainedTokenizerFast",
    "bos_token": WORDS[BOS],
    "eos_token": WORDS[EOS],
    "pad_token": WORDS[PAD],
    "model_max_length": MAX_POSITIONS,
    "model_input_names": ["input_ids", "attention_mask"],
    "clean_up_tokenization_spaces": False,
    "padding_side": "left",
    # the model knows no turns: a chat is what was said, after <bos>
    "chat_template": "{{ bos_token }}{% for message in messages %} {{ message['content'] }}{% endfor %}",
}


def build_tokenizer() -> Tokenizer:
    """Words apart by white space, each its own token; a word the model never saw reads as filler (``the``)."""
    ids = {word: index for index, word in enumerate(WORDS)}
    tokenizer = Tokenizer(models.WordLevel(ids, unk_token=WORDS[FILLER_IDS.start]))
    tokenizer.pre_tokenizer = pre_tokenizers.WhitespaceSplit()
    tokenizer.post_processor = processors.TemplateProcessing(
        single=f"{WORDS[BOS]} $A", pair=f"{WORDS[BOS]} $A $B", special_tokens=[(WORDS[BOS], BOS)]
    )
    tokenizer.add_special_tokens([AddedToken(WORDS[index], special=True) for index in (PAD, BOS, EOS)])
    return tokenizer


def write_tokenizer(directory: Path) -> None:
    """Write ``tokenizer.json`` and ``tokenizer_config.json``."""
    build_tokenizer().save(str(directory / "tokenizer.json"))
    (directory / "tokenizer_config.json").write_text(json.dumps(_SETTINGS, indent=2) + "\n", encoding="utf-8")
